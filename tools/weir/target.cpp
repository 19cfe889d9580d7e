#include "tools/weir/target.hpp"

namespace weir::cli {

std::string percent_encode(std::string_view text) {
  static constexpr std::string_view unreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    if (unreserved.find(c) != std::string_view::npos) {
      out += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    out += '%';
    out += digits[byte >> 4];
    out += digits[byte & 0xF];
  }
  return out;
}

target::target(std::initializer_list<std::string_view> segments) : text_("/v1") {
  for (const auto segment : segments) {
    text_ += '/';
    text_ += percent_encode(segment);
  }
}

target target::unversioned(std::string_view path) {
  target t({});
  t.text_ = path;
  return t;
}

target& target::query(std::string_view key, std::string_view value) {
  if (value.empty()) return *this;
  text_ += has_query_ ? '&' : '?';
  has_query_ = true;
  text_ += percent_encode(key);
  text_ += '=';
  text_ += percent_encode(value);
  return *this;
}

}  // namespace weir::cli
