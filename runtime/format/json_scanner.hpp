// A strict JSON reader over one record: one pass, nothing allocated, nothing read beyond the text.
//
// Why not simdjson's on-demand parser: what it skips it does not validate, without NDEBUG it aborts when it is read on
// after an error, and casts have no padding behind their text. This scanner validates all it passes, needs no padding,
// and on records of an instrument's size (100 bytes) takes as long as on-demand takes for finding the fields alone.
// UTF-8 is not its business: callers check whole batches with is_valid_utf8(), which is simdjson's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/result.hpp"

namespace weir {

inline constexpr int max_json_depth = 128;  // objects and arrays within each other

class json_scanner {
 public:
  struct string_token {
    std::string_view raw;  // without the quotes, escapes as written
    bool escaped = false;  // holds a backslash: unescape_json() gives the text
  };
  struct number_token {
    std::string_view raw;
    bool integer = false;  // neither a point nor an exponent
  };

  explicit json_scanner(std::string_view text)
      : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  // Every function leaves the scanner behind what it read; on false problem() says what is wrong and where.
  bool string(string_token& out);  // from the opening quote
  bool number(number_token& out);
  bool word(std::string_view expected);  // true, false, null
  bool value(int depth);                 // any value; depth: how many containers are open around it

  void skip_blanks() {
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }
  bool take(char c) {
    if (at_ == end_ || *at_ != c) return false;
    ++at_;
    return true;
  }
  bool take(std::string_view expected) {
    if (!std::string_view(at_, static_cast<std::size_t>(end_ - at_)).starts_with(expected)) return false;
    at_ += expected.size();
    return true;
  }
  // The next byte; 0 at the end (a NUL byte is no JSON, so they need not be told apart).
  char peek() const { return at_ == end_ ? '\0' : *at_; }
  bool at_end() const { return at_ == end_; }
  const char* position() const { return at_; }
  // Records that something else than `expected` stands here; returns false.
  bool expected(const char* what);
  std::string problem() const;

 private:
  bool object(int depth);
  bool array(int depth);
  bool escape();
  bool hex4(unsigned& out);

  const char* begin_;
  const char* at_;
  const char* end_;
  const char* expected_ = "";
};

// The text that a string token stands for, appended to `out`. The token must come from json_scanner::string().
void unescape_json(std::string_view raw, std::string& out);

// parse_error unless the text is one JSON value (UTF-8, nothing behind it but blanks).
status check_json(std::string_view text);

}  // namespace weir
