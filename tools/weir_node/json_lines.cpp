#include "tools/weir_node/json_lines.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "runtime/time/timestamp.hpp"

namespace weir {

namespace {

bool is_key(std::string_view text) {
  return !text.empty() && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos;
}

// Where the next " key=" begins, at or behind `from`; npos: nowhere.
std::size_t next_field(std::string_view text, std::size_t from) {
  for (auto equals = text.find('=', from); equals != std::string_view::npos; equals = text.find('=', equals + 1)) {
    const auto blank = text.rfind(' ', equals);
    if (blank != std::string_view::npos && blank >= from && is_key(text.substr(blank + 1, equals - blank - 1)))
      return blank;
  }
  return std::string_view::npos;
}

// A quoted value ends at the quote before the next field or the end of the line: what it quotes may hold quotes itself.
std::size_t end_of_value(std::string_view text, std::size_t begin) {
  if (begin >= text.size() || text[begin] != '"') return std::min(text.find(' ', begin), text.size());
  for (auto at = next_field(text, begin); at != std::string_view::npos; at = next_field(text, at + 1))
    if (at > begin + 1 && text[at - 1] == '"') return at;
  return text.size();
}

std::string_view unquoted(std::string_view value) {
  const bool quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
  return quoted ? value.substr(1, value.size() - 2) : value;
}

}  // namespace

void json_lines::format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) {
  using namespace std::chrono;
  const std::string_view text(message.payload.data(), message.payload.size());
  const auto level = spdlog::level::to_string_view(message.level);
  nlohmann::ordered_json line;
  line["time"] = format_timestamp(duration_cast<microseconds>(message.time.time_since_epoch()).count());
  line["level"] = std::string_view(level.data(), level.size());
  auto at = next_field(text, 0);
  line["message"] = text.substr(0, at);
  while (at != std::string_view::npos) {
    const auto equals = text.find('=', at);
    const auto end = end_of_value(text, equals + 1);
    line[std::string(text.substr(at + 1, equals - at - 1))] = unquoted(text.substr(equals + 1, end - equals - 1));
    at = end < text.size() ? next_field(text, end) : std::string_view::npos;
  }
  const auto json = line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  out.append(json.data(), json.data() + json.size());
  out.push_back('\n');
}

}  // namespace weir
