#include "runtime/sql/lexer.hpp"

#include <simdjson.h>

#include <algorithm>
#include <optional>

#include "runtime/sql/sql_error.hpp"

namespace weir {
namespace {

constexpr std::size_t script_statements_limit = 1'000;

bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c) || c == '$'; }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Walks over one token at a time. What never ends (a text without its closing quote) ends with the input: the parser
// then says what is wrong with it.
class scanner {
 public:
  explicit scanner(std::string_view sql) : sql_(sql) {}

  bool done() const { return at_ >= sql_.size(); }
  std::size_t at() const { return at_; }
  char current() const { return sql_[at_]; }
  void step() { ++at_; }

  // Skips a comment or white space. False when the current character begins something else.
  bool skip_blank() {
    if (is_space(current())) {
      ++at_;
      return true;
    }
    if (starts("--")) {
      at_ = std::min(sql_.find_first_of("\n\r", at_), sql_.size());
      return true;
    }
    if (!starts("/*")) return false;
    int depth = 0;
    do {
      if (starts("/*")) {
        ++depth;
        at_ += 2;
      } else if (starts("*/")) {
        --depth;
        at_ += 2;
      } else {
        ++at_;
      }
    } while (depth > 0 && !done());
    return true;
  }

  // Steps over a quoted text or name; answers the bytes between the quotes.
  std::size_t skip_quoted(bool backslashes) {
    const char quote = current();
    const std::size_t begin = ++at_;
    while (!done()) {
      if (backslashes && current() == '\\') {
        at_ = std::min(at_ + 2, sql_.size());
      } else if (current() == quote) {
        if (at_ + 1 >= sql_.size() || sql_[at_ + 1] != quote) return at_++ - begin;
        at_ += 2;
      } else {
        ++at_;
      }
    }
    return at_ - begin;
  }

  // $tag$ ... $tag$. False when the dollar begins something else.
  bool skip_dollar_quoted() {
    std::size_t end = at_ + 1;
    while (end < sql_.size() && is_name_part(sql_[end]) && sql_[end] != '$') ++end;
    if (end >= sql_.size() || sql_[end] != '$' || (end > at_ + 1 && is_digit(sql_[at_ + 1]))) return false;
    const auto tag = sql_.substr(at_, end + 1 - at_);
    const auto close = sql_.find(tag, end + 1);
    at_ = close == std::string_view::npos ? sql_.size() : close + tag.size();
    return true;
  }

  std::size_t skip_name() {
    const std::size_t begin = at_;
    while (!done() && is_name_part(current())) ++at_;
    return at_ - begin;
  }

 private:
  bool starts(std::string_view what) const { return sql_.substr(at_, what.size()) == what; }

  std::string_view sql_;
  std::size_t at_ = 0;
};

status check_characters(std::string_view sql) {
  if (!simdjson::validate_utf8(sql.data(), sql.size()))
    return fail(errc::parse_error, "the SQL text is not valid UTF-8");
  if (const auto nul = sql.find('\0'); nul != std::string_view::npos)
    return sql_failure(errc::parse_error, sql, nul, "the SQL text holds a NUL character", "remove it");
  return {};
}

// One token that is not blank; answers the length of the name when it was one.
std::optional<std::size_t> skip_token(scanner& in) {
  const char c = in.current();
  if (c == '\'') {
    in.skip_quoted(false);
  } else if (c == '"') {
    return in.skip_quoted(false);
  } else if (is_name_start(c)) {
    const auto length = in.skip_name();
    if (length == 1 && (c == 'e' || c == 'E') && !in.done() && in.current() == '\'') {
      in.skip_quoted(true);
      return std::nullopt;
    }
    return length;
  } else if (c != '$' || !in.skip_dollar_quoted()) {
    in.step();
    if (is_digit(c))
      while (!in.done() && is_name_part(in.current())) in.step();
  }
  return std::nullopt;
}

}  // namespace

result<std::vector<statement_span>> split_statements(std::string_view sql, const sql_limits& limits) {
  WEIR_TRY_VOID(check_characters(sql));
  std::vector<statement_span> out;
  std::optional<statement_span> open;
  const auto close = [&]() -> status {
    if (!open) return {};
    if (open->end - open->begin > limits.statement_bytes)
      return sql_failure(errc::limit_exceeded, sql, open->begin,
                         fmt::format("a statement of {} bytes, at most {} are allowed", open->end - open->begin,
                                     limits.statement_bytes),
                         "split it into several views");
    if (out.size() == script_statements_limit)
      return sql_failure(errc::limit_exceeded, sql, open->begin,
                         fmt::format("more than {} statements", script_statements_limit), "split the file");
    out.push_back(*open);
    open.reset();
    return {};
  };
  scanner in(sql);
  while (!in.done()) {
    if (in.skip_blank()) continue;
    if (in.current() == ';') {
      in.step();
      WEIR_TRY_VOID(close());
      continue;
    }
    const auto begin = in.at();
    const auto name = skip_token(in);
    if (name && *name > limits.identifier_bytes)
      return sql_failure(errc::limit_exceeded, sql, begin,
                         fmt::format("a name of {} bytes, at most {} are allowed", *name, limits.identifier_bytes),
                         "write a shorter name");
    if (!open) open = statement_span{begin, begin};
    open->end = in.at();
  }
  WEIR_TRY_VOID(close());
  return out;
}

}  // namespace weir
