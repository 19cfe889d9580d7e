// Path and query of a request, with names percent-encoded.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace weir::cli {

// RFC 3986: everything but unreserved characters becomes %XX.
std::string percent_encode(std::string_view text);

class target {
 public:
  // target({"sources", "north/1", "pause"}) is /v1/sources/north%2F1/pause.
  explicit target(std::initializer_list<std::string_view> segments);
  static target unversioned(std::string_view path);

  // Adds key=value; an empty value adds nothing.
  target& query(std::string_view key, std::string_view value);

  const std::string& text() const { return text_; }

 private:
  std::string text_;
  bool has_query_ = false;
};

}  // namespace weir::cli
