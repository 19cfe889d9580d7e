// HTTP over a plain socket, so that tests can send half a request, two at once, or nothing at all.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "actors/gateway/gateway.hpp"
#include "actors/gateway/gateway_metrics.hpp"
#include "tests/support/fake_node.hpp"

namespace weir {

struct http_answer {
  int status = 0;                              // 0: the connection ended without an answer
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  nlohmann::json json() const;
};

class http_client {
 public:
  explicit http_client(std::uint16_t port, int receive_buffer = 0);
  ~http_client();
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  bool connected() const { return connected_; }
  bool send(const std::string& bytes);

  // Reads more into the buffer; false at the end of the connection or after `limit`.
  bool read_more(std::chrono::milliseconds limit = std::chrono::seconds(10));
  // The server closes within the time.
  bool ends_within(std::chrono::milliseconds limit);
  bool read_until(std::string_view text, std::chrono::milliseconds limit = std::chrono::seconds(10));

  http_answer read_answer(bool head = false);

  std::string& buffer() { return buffer_; }

 private:
  int socket_;
  bool connected_ = false, ended_ = false;
  std::string buffer_;
};

using header_list = std::vector<std::pair<std::string, std::string>>;

std::string request_text(const std::string& method, const std::string& target, const header_list& headers = {},
                         const std::string& body = {});

inline const std::pair<std::string, std::string> bearer{"Authorization", "Bearer secret"};
inline const std::pair<std::string, std::string> as_json{"Content-Type", "application/json"};

// A gateway over a fake node with one thing of each kind.
class served_node {
 public:
  explicit served_node(gateway_options options = {});

  std::uint16_t port() const { return server->port(); }
  const gateway_metrics& metrics() const { return server->metrics(); }
  void append(const std::string& view, const nlohmann::json& row);

  http_answer ask(const std::string& method, const std::string& target, const header_list& headers = {bearer},
                  const std::string& body = {}) const;

  fake_node node;
  std::unique_ptr<gateway> server;
};

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit = std::chrono::seconds(5));

}  // namespace weir
