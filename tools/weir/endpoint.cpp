#include "tools/weir/endpoint.hpp"

#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "tools/weir/text_file.hpp"

namespace weir::cli {

namespace {

constexpr std::size_t max_small_file_bytes = 64U << 10;
constexpr std::uint16_t default_port = 8420;

std::string trimmed(std::string text) {
  constexpr const char* blanks = " \t\r\n";
  text.erase(text.find_last_not_of(blanks) + 1);
  text.erase(0, text.find_first_not_of(blanks));
  return text;
}

result<std::string> read_token(const std::string& path) {
  WEIR_TRY(text, read_text_file(path, max_small_file_bytes));
  auto token = trimmed(std::move(text));
  if (token.empty()) return fail(errc::invalid_argument, "the token file '{}' is empty", path);
  return token;
}

struct node_file {
  std::string url, token;
};

result<node_file> read_node_file(const std::string& path) {
  WEIR_TRY(text, read_text_file(path, max_small_file_bytes));
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_object() || !parsed.contains("url") || !parsed["url"].is_string()) {
    return with_hint(fail(errc::parse_error, "'{}' is no node file: a JSON object with \"url\" was expected", path),
                     "a node writes it at its start; give --url and --token instead");
  }
  node_file file{parsed["url"].get<std::string>(), {}};
  if (const auto token = parsed.find("token"); token != parsed.end() && token->is_string()) {
    file.token = token->get<std::string>();
  }
  return file;
}

// Where a node on this machine leaves its file.
std::vector<std::string> places(const terminal& io) {
  std::vector<std::string> found{"data/node.json"};
  if (const auto state = io.environment("XDG_STATE_HOME"); state && !state->empty()) {
    found.push_back(*state + "/weir/node.json");
  } else if (const auto home = io.environment("HOME"); home && !home->empty()) {
    found.push_back(*home + "/.local/state/weir/node.json");
  }
  return found;
}

std::string value_of(const terminal& io, const char* name) { return io.environment(name).value_or(""); }

// The first node file that is there; nothing is no error.
result<std::optional<std::pair<std::string, node_file>>> find_node_file(const std::string& named, const terminal& io) {
  using found = std::optional<std::pair<std::string, node_file>>;
  for (const auto& path : named.empty() ? places(io) : std::vector<std::string>{named}) {
    std::error_code ignored;
    if (named.empty() && !std::filesystem::exists(path, ignored)) continue;
    WEIR_TRY(file, read_node_file(path));
    return found({path, std::move(file)});
  }
  return found();
}

}  // namespace

std::string endpoint::url() const {
  const bool v6 = host.find(':') != std::string::npos;
  return fmt::format("http://{}{}{}:{}", v6 ? "[" : "", host, v6 ? "]" : "", port);
}

result<endpoint> parse_url(std::string_view url) {
  const auto wrong = [&](std::string_view what) {
    return with_hint(fail(errc::invalid_argument, "the node's address '{}' {}", url, what),
                     fmt::format("write it like {}", default_url));
  };
  if (url.starts_with("https://")) return wrong("asks for TLS, which a node does not speak");
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) return wrong("does not begin with http://");
  auto rest = url.substr(scheme.size());
  while (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#@ ") != std::string_view::npos) return wrong("has more than host and port");

  endpoint e;
  e.port = default_port;
  auto port_at = rest.rfind(':');
  if (rest.starts_with('[')) {
    const auto close = rest.find(']');
    if (close == std::string_view::npos) return wrong("lacks the closing bracket of its IPv6 address");
    e.host = rest.substr(1, close - 1);
    port_at = close + 1 < rest.size() ? close + 1 : std::string_view::npos;
    if (port_at != std::string_view::npos && rest[port_at] != ':') return wrong("has text behind its IPv6 address");
  } else {
    e.host = rest.substr(0, port_at);
  }
  if (e.host.empty()) return wrong("names no host");
  if (port_at != std::string_view::npos) {
    const auto digits = rest.substr(port_at + 1);
    const auto [end, bad] = std::from_chars(digits.data(), digits.data() + digits.size(), e.port);
    if (bad != std::errc() || end != digits.data() + digits.size() || e.port == 0) return wrong("has no valid port");
  }
  return e;
}

result<endpoint> find_endpoint(const endpoint_flags& flags, const terminal& io) {
  std::string url = flags.url, found = "--url";
  if (url.empty() && flags.node_file.empty()) {
    url = value_of(io, "WEIR_URL");
    found = "WEIR_URL";
  }
  std::string file_token;
  if (url.empty()) {
    WEIR_TRY(file, find_node_file(flags.node_file, io));
    url = file ? file->second.url : std::string(default_url);
    found = file ? file->first : "the default";
    if (file) file_token = file->second.token;
  }
  WEIR_TRY(e, parse_url(url));
  e.found = found;

  if (!flags.token.empty()) {
    e.token = flags.token;
  } else if (!flags.token_file.empty()) {
    WEIR_TRY(token, read_token(flags.token_file));
    e.token = std::move(token);
  } else if (auto token = value_of(io, "WEIR_TOKEN"); !token.empty() && flags.node_file.empty()) {
    e.token = std::move(token);
  } else if (!file_token.empty()) {
    e.token = std::move(file_token);
  } else if (const auto local = find_node_file("", io); local && *local && (*local)->second.url == e.url()) {
    e.token = (*local)->second.token;
  }
  if (e.token.find_first_of("\r\n") != std::string::npos) {
    return fail(errc::invalid_argument, "the token has more than one line");
  }
  return e;
}

}  // namespace weir::cli
