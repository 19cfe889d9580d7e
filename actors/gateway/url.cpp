#include "actors/gateway/url.hpp"

namespace weir {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return fail(errc::invalid_argument, "the URL has a '%' without two hexadecimal digits at '{}'; write %25 for '%'",
                  text.substr(i, 3));
    }
    const auto byte = static_cast<char>(high * 16 + low);
    if (byte == '\0') return fail(errc::invalid_argument, "the URL holds %00");
    out += byte;
    i += 2;
  }
  return out;
}

result<std::vector<std::string>> split_path(std::string_view path) {
  std::vector<std::string> out;
  if (path.empty() || path.front() != '/') {
    return fail(errc::invalid_argument, "the request's path does not begin with '/'");
  }
  path.remove_prefix(1);
  while (!path.empty()) {
    const auto slash = path.find('/');
    WEIR_TRY(segment, percent_decode(path.substr(0, slash)));
    out.push_back(std::move(segment));
    if (slash == std::string_view::npos) return out;
    path.remove_prefix(slash + 1);
    if (path.empty()) out.emplace_back();
  }
  return out;
}

result<query_parameters> parse_query(std::string_view query) {
  query_parameters out;
  while (!query.empty()) {
    const auto end = query.find('&');
    const auto part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    if (part.empty()) continue;
    const auto equals = part.find('=');
    WEIR_TRY(name, percent_decode(part.substr(0, equals), true));
    std::string value;
    if (equals != std::string_view::npos) {
      WEIR_TRY(decoded, percent_decode(part.substr(equals + 1), true));
      value = std::move(decoded);
    }
    out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

}  // namespace weir
