#include <fstream>

#include "tests/runtime/sql/sql_fixture.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

struct known_answer {
  std::string expression;
  std::string answer;
};

std::vector<known_answer> read_answers() {
  std::ifstream file("tests/runtime/sql/postgres_answers.tsv");
  std::vector<known_answer> out;
  for (std::string line; std::getline(file, line);) {
    const auto tab = line.find('\t');
    if (line.starts_with('#') || tab == std::string::npos) continue;
    std::string answer;
    for (std::size_t i = tab + 1; i < line.size(); ++i) {
      const bool line_break = line.compare(i, 2, "\\n") == 0;
      answer.push_back(line_break ? '\n' : line[i]);
      if (line_break) ++i;
    }
    out.push_back({line.substr(0, tab), std::move(answer)});
  }
  return out;
}

}  // namespace

TEST_CASE("expressions over literals answer as PostgreSQL does") {
  const auto answers = read_answers();
  REQUIRE(answers.size() > 300);
  for (const auto& known : answers) {
    INFO(known.expression);
    auto ours = answer_of(known.expression);
    if (known.answer == "error") {
      INFO(ours);
      CHECK((ours.starts_with("error: ") || ours.starts_with("refused: ")));
    } else {
      CHECK(ours == known.answer);
    }
  }
}
