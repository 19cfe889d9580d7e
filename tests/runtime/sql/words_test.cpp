#include <set>

#include "runtime/sql/function_table.hpp"
#include "tests/runtime/sql/sql_fixture.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

bool is_query(const std::string& sql) { return sql.starts_with("SELECT") || sql.starts_with("VALUES"); }

std::optional<error> plan_error(const std::string& sql, const catalog& names) {
  if (is_query(sql)) {
    auto planned = plan_query(sql, names);
    return planned ? std::nullopt : std::optional(planned.error());
  }
  auto planned = plan_script(sql, names);
  return planned ? std::nullopt : std::optional(planned.error());
}

}  // namespace

TEST_CASE("every word that runs has an example that plans") {
  const auto names = catalog_of(words_catalog);
  for (const auto& word : sql_words()) {
    if (!word.runs) continue;
    INFO(word.word << ": " << word.example);
    const auto failed = plan_error(word.example, names);
    if (failed) FAIL_CHECK(failed->text());
  }
}

TEST_CASE("every refused word fails with its reason, its place and what to write instead") {
  const auto names = catalog_of(words_catalog);
  for (const auto& word : sql_words()) {
    if (word.runs) continue;
    INFO(word.word << ": " << word.example);
    const auto failed = plan_error(word.example, names);
    if (!failed) {
      FAIL_CHECK("it was planned");
      continue;
    }
    INFO(failed->text());
    CHECK(failed->code == errc::unsupported);
    CHECK(failed->message.starts_with("line "));
    CHECK(failed->message.find('^') != std::string::npos);
    CHECK(failed->message.find(word.reason) != std::string::npos);
    CHECK(failed->hint == word.instead);
    CHECK_FALSE(word.instead.empty());
  }
}

TEST_CASE("every function of the table is a word that runs") {
  for (auto name : function_names()) {
    INFO(name);
    const auto* word = find_word(name);
    REQUIRE(word != nullptr);
    CHECK(word->runs);
  }
}

TEST_CASE("no word is listed twice") {
  std::set<std::string> seen;
  for (const auto& word : sql_words()) {
    INFO(word.word);
    CHECK(seen.insert(word.word).second);
  }
}

TEST_CASE("the table of words renders as markdown with every word in it") {
  const auto text = words_as_markdown();
  CHECK(text.find("## Functions") != std::string::npos);
  CHECK(text.find("| tumble | runs |") != std::string::npos);
  CHECK(text.find("| hop | refused |") != std::string::npos);
  CHECK(text.find("`CREATE MATERIALIZED VIEW e AS SELECT k, k \\|\\| '-' \\|\\| n AS y FROM t`") != std::string::npos);
}
