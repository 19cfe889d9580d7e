#include "tests/actors/gateway/http_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace weir {

nlohmann::json http_answer::json() const { return nlohmann::json::parse(body); }

http_client::http_client(std::uint16_t port, int receive_buffer) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
  if (receive_buffer > 0) ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connected_ = ::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
}

http_client::~http_client() { ::close(socket_); }

bool http_client::send(const std::string& bytes) {
  return ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size());
}

bool http_client::read_more(std::chrono::milliseconds limit) {
  pollfd what{socket_, POLLIN, 0};
  if (::poll(&what, 1, static_cast<int>(limit.count())) <= 0) return false;
  char bytes[16 << 10];
  const auto count = ::recv(socket_, bytes, sizeof bytes, 0);
  ended_ = count <= 0;
  if (ended_) return false;
  buffer_.append(bytes, static_cast<std::size_t>(count));
  return true;
}

bool http_client::ends_within(std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!ended_ && std::chrono::steady_clock::now() < end) read_more(std::chrono::milliseconds(50));
  return ended_;
}

bool http_client::read_until(std::string_view text, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (buffer_.find(text) == std::string::npos && !ended_ && std::chrono::steady_clock::now() < end) {
    read_more(std::chrono::milliseconds(50));
  }
  return buffer_.find(text) != std::string::npos;
}

http_answer http_client::read_answer(bool head) {
  http_answer out;
  if (!read_until("\r\n\r\n")) return out;
  const auto end = buffer_.find("\r\n\r\n");
  std::string header = buffer_.substr(0, end + 2);
  buffer_.erase(0, end + 4);
  out.status = std::stoi(header.substr(9, 3));
  for (auto at = header.find("\r\n") + 2; at < header.size();) {
    const auto line_end = header.find("\r\n", at);
    const auto colon = header.find(':', at);
    std::string name = header.substr(at, colon - at);
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    out.headers[name] = header.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  const auto length = out.headers.find("content-length");
  const std::size_t size = length == out.headers.end() || head ? 0 : std::stoul(length->second);
  while (buffer_.size() < size && read_more()) {
  }
  out.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return out;
}

served_node::served_node(gateway_options options) {
  node.add_one_of_each();
  node.letters["camera.late"] = {{{"id", "3-2"}, {"reason", "late"}}};
  node.add_view(
      "seen", "upsert",
      {{{"name", "k"}, {"type", "text"}}, {{"name", "b"}, {"type", "bigint"}}, {{"name", "a"}, {"type", "bigint"}}},
      {"k"});
  node.add_view("log", "append", {{{"name", "n"}, {"type", "bigint"}}}, nlohmann::json::array());
  options.token = "secret";
  auto started = gateway::start(std::move(options), node);
  if (!started) throw std::runtime_error(started.error().text());
  server = std::move(*started);
}

void served_node::append(const std::string& view, const nlohmann::json& row) {
  node.views.at(view)->append(live_row::kind::row, row);
}

http_answer served_node::ask(const std::string& method, const std::string& target, const header_list& headers,
                             const std::string& body) const {
  http_client client(port());
  client.send(request_text(method, target, headers, body));
  return client.read_answer(method == "HEAD");
}

std::string request_text(const std::string& method, const std::string& target, const header_list& headers,
                         const std::string& body) {
  std::string out = method + " " + target + " HTTP/1.1\r\n";
  bool has_host = false;
  for (const auto& [name, value] : headers) {
    has_host = has_host || name == "Host";
    if (!value.empty()) out += name + ": " + value + "\r\n";
  }
  if (!has_host) out += "Host: localhost\r\n";
  if (!body.empty()) out += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  return out + "\r\n" + body;
}

bool eventually(const std::function<bool()>& holds, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::usleep(2'000);
  }
  return true;
}

}  // namespace weir
