#include "runtime/sql/parse_tree.hpp"

#include <algorithm>
#include <cctype>
#include <optional>

#include "runtime/sql/parser_thread.hpp"
#include "runtime/sql/sql_error.hpp"

namespace weir {
namespace {

constexpr std::size_t tree_depth_limit = 1'024;

std::string upper_words(std::string_view sql) {
  std::string out;
  for (char c : sql.substr(0, 200)) {
    const bool space = std::isspace(static_cast<unsigned char>(c)) != 0;
    if (space && (out.empty() || out.back() == ' ')) continue;
    out.push_back(space ? ' ' : static_cast<char>(std::toupper(static_cast<unsigned char>(c))));
  }
  return out;
}

struct foreign_word {
  std::string_view begins;
  std::string_view message;
  std::string_view hint;
};

// Statements of other systems that PostgreSQL's grammar does not have.
constexpr foreign_word foreign_words[] = {
    {"CREATE OR REPLACE", "CREATE OR REPLACE is not supported",
     "write CREATE MATERIALIZED VIEW and apply the file with: weir apply --replace"},
    {"CREATE SOURCE", "CREATE SOURCE is not SQL here: sources are made by CLI, REST and config",
     "declare the stream with CREATE TABLE name (columns) WITH (format = '...'), then: weir source add"},
    {"CREATE SINK", "CREATE SINK is not SQL here: sinks are made by CLI, REST and config",
     "make a view, then: weir sink add"},
};

constexpr std::string_view reserved_names[] = {"user",  "window", "end",  "order", "group",  "table",   "column",
                                               "limit", "offset", "from", "to",    "select", "where",   "check",
                                               "desc",  "asc",    "do",   "for",   "grant",  "primary", "references",
                                               "all",   "and",    "any",  "as",    "case",   "when",    "default"};

tl::unexpected<error> syntax_failure(std::string_view sql, std::size_t begin, std::size_t end,
                                     const raw_parse& parsed) {
  const auto text = sql.substr(begin, end - begin);
  const auto words = upper_words(text);
  for (const auto& foreign : foreign_words)
    if (words.starts_with(foreign.begins))
      return sql_failure(errc::unsupported, sql, begin, foreign.message, std::string(foreign.hint));
  const std::size_t at = parsed.error_character > 0
                             ? begin + byte_of_character(text, static_cast<std::size_t>(parsed.error_character) - 1)
                             : begin;
  std::string hint;
  for (auto name : reserved_names)
    if (parsed.error == fmt::format("syntax error at or near \"{}\"", name))
      hint = fmt::format("{0} is a keyword; as a name write \"{0}\" in double quotes", name);
  if (parsed.error == "syntax error at or near \"WITH\"" && words.starts_with("CREATE MATERIALIZED VIEW"))
    hint = "options stand before AS: CREATE MATERIALIZED VIEW name WITH (emit = 'final') AS SELECT ...";
  if (parsed.error == "syntax error at or near \"EMIT\"" || parsed.error == "syntax error at or near \"emit\"")
    hint = "write it as an option before AS: WITH (emit = 'final')";
  return sql_failure(errc::parse_error, sql, at, parsed.error, std::move(hint));
}

void find_leftmost(simdjson::dom::element element, std::optional<std::size_t>& found) {
  if (element.is_array()) {
    for (auto member : element.get_array()) find_leftmost(member, found);
  } else if (element.is_object()) {
    for (auto [key, value] : element.get_object()) {
      std::int64_t location = 0;
      if (key == "location" && value.get(location) == simdjson::SUCCESS && location >= 0)
        found = std::min(found.value_or(SIZE_MAX), static_cast<std::size_t>(location));
      else
        find_leftmost(value, found);
    }
  }
}

}  // namespace

tree_node tree_node::child(std::string_view key) const {
  simdjson::dom::element found;
  if (!present_ || element_.at_key(key).get(found) != simdjson::SUCCESS) return {};
  return tree_node(found);
}

std::vector<tree_node> tree_node::list(std::string_view key) const {
  std::vector<tree_node> out;
  simdjson::dom::array members;
  if (present_ && element_.at_key(key).get(members) == simdjson::SUCCESS)
    for (auto member : members) out.emplace_back(member);
  return out;
}

std::string_view tree_node::text(std::string_view key) const {
  std::string_view out;
  if (!present_ || element_.at_key(key).get(out) != simdjson::SUCCESS) return {};
  return out;
}

std::int64_t tree_node::number(std::string_view key) const {
  std::int64_t out = 0;
  if (!present_ || element_.at_key(key).get(out) != simdjson::SUCCESS) return 0;
  return out;
}

bool tree_node::flag(std::string_view key) const {
  bool out = false;
  return present_ && element_.at_key(key).get(out) == simdjson::SUCCESS && out;
}

std::string_view tree_node::kind() const {
  simdjson::dom::object fields;
  if (!present_ || element_.get(fields) != simdjson::SUCCESS || fields.size() == 0) return {};
  return (*fields.begin()).key;
}

tree_node tree_node::unwrap() const {
  simdjson::dom::object fields;
  if (!present_ || element_.get(fields) != simdjson::SUCCESS || fields.size() == 0) return {};
  return tree_node((*fields.begin()).value);
}

tree_node tree_node::child_of_kind(std::string_view key, std::string_view kind) const {
  const auto found = child(key);
  return found.kind() == kind ? found.unwrap() : tree_node{};
}

std::vector<std::string> tree_node::names(std::string_view key) const {
  std::vector<std::string> out;
  for (const auto& member : list(key))
    out.emplace_back(member.kind() == "String" ? member.unwrap().text("sval") : std::string_view("*"));
  return out;
}

std::size_t leftmost_location(tree_node node, std::size_t otherwise) {
  std::optional<std::size_t> found;
  if (node) node.visit([&](simdjson::dom::element element) { find_leftmost(element, found); });
  return found.value_or(otherwise);
}

result<parse_tree> parse_tree::parse(std::string_view sql, std::size_t begin, std::size_t end) {
  const std::string text(sql.substr(begin, end - begin));
  WEIR_TRY(parsed, parse_on_own_thread(text));
  if (!parsed.error.empty()) return syntax_failure(sql, begin, end, parsed);
  parse_tree out;
  out.parser_ = std::make_unique<simdjson::dom::parser>();
  auto failed = out.parser_->allocate(parsed.tree.size(), tree_depth_limit);
  simdjson::dom::element root;
  if (!failed) failed = out.parser_->parse(parsed.tree).get(root);
  if (failed == simdjson::DEPTH_ERROR)
    return sql_failure(errc::limit_exceeded, sql, begin, "expressions are nested too deep in this statement",
                       "split it into several views");
  if (failed) return fail(errc::internal, "the SQL parser's tree cannot be read: {}", simdjson::error_message(failed));
  out.root_ = tree_node(root);
  if (out.root_.list("stmts").size() != 1)
    return sql_failure(errc::parse_error, sql, begin, "expected one statement here",
                       "end every statement with a semicolon");
  return out;
}

tree_node parse_tree::statement() const {
  const auto statements = root_.list("stmts");
  return statements.empty() ? tree_node{} : statements.front().child("stmt");
}

}  // namespace weir
