// Every command of the examples' READMEs is one that the program takes.
#include <CLI/CLI.hpp>
#include <sstream>

#include "runtime/sql/sql.hpp"
#include "tests/examples/example_runs.hpp"
#include "tools/weir/program_tree.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

// Words of a command line; double quotes hold blanks.
texts words_of(const std::string& line) {
  texts out;
  std::string word;
  bool quoted = false;
  for (const char c : line + " ") {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      if (!word.empty()) out.push_back(std::exchange(word, {}));
    } else {
      word += c;
    }
  }
  return out;
}

// Lines that begin with "weir " inside of fences.
texts commands_of(const std::string& readme) {
  texts out;
  std::istringstream lines(readme);
  bool fenced = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) fenced = !fenced;
    if (fenced && line.starts_with("weir ")) out.push_back(line.substr(5));
  }
  return out;
}

catalog example_names() {
  catalog out;
  for (const auto* file : {"examples/socks/socks.sql", "examples/weather/weather.sql"}) {
    auto planned = plan_script(file_text(file), out);
    if (!planned) FAIL(planned.error().text());
    for (auto& s : *planned)
      if (auto* view = std::get_if<view_plan>(&s)) out.views[view->name] = std::move(*view);
  }
  return out;
}

}  // namespace

TEST_CASE("every command in an example's README parses, and every example file it names exists") {
  const auto names = example_names();
  for (const std::string readme : {"examples/socks/README.md", "examples/weather/README.md"}) {
    const auto commands = commands_of(file_text(readme));
    CHECK(commands.size() >= 6);
    for (const auto& command : commands) {
      INFO(readme << ": weir " << command);
      auto words = words_of(command);
      for (const auto& word : words)
        if (word.ends_with(".sql")) CHECK(std::filesystem::exists(word));
      if (words.front() == "sql") CHECK(plan_query(words.at(1), names));
      cli::settings set;
      cli::action chosen;
      const auto program = cli::make_program(set, chosen);
      std::ranges::reverse(words);
      CHECK_NOTHROW(program->parse(words));
      CHECK(chosen);
    }
  }
}
