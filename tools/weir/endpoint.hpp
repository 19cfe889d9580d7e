// Which node to ask, and with which token: flag before environment before the file that the node writes at its start.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/result.hpp"
#include "tools/weir/terminal.hpp"

namespace weir::cli {

struct endpoint_flags {
  std::string url;         // --url
  std::string token;       // --token
  std::string token_file;  // --token-file
  std::string node_file;   // --node-file: the {"url","token"} that a node wrote
};

struct endpoint {
  std::string host;
  std::uint16_t port = 0;
  std::string token;  // may be empty
  std::string found;  // how it was found, for errors

  std::string url() const;
};

inline constexpr std::string_view default_url = "http://127.0.0.1:8420";

// http://host[:port], port 8420 when absent; IPv6 in brackets.
result<endpoint> parse_url(std::string_view url);

// A token is taken from a node file only together with its url, so it never goes to another node.
result<endpoint> find_endpoint(const endpoint_flags& flags, const terminal& io);

}  // namespace weir::cli
