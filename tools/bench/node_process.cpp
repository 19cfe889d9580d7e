#include "tools/bench/node_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <stdexcept>
#include <thread>

namespace weir::bench {

namespace {

constexpr int start_tries = 600, answer_timeout_ms = 10'000;
constexpr std::chrono::milliseconds pause{100};

bool wait_for(int socket, short what) {
  pollfd ready{socket, what, 0};
  return poll(&ready, 1, answer_timeout_ms) == 1;
}

}  // namespace

int connect_to(std::uint16_t port) {
  const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (s < 0 || connect(s, reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
    throw std::runtime_error(fmt::format("no connection to port {}", port));
  const int on = 1;
  setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(s, F_SETFL, O_NONBLOCK);
  return s;
}

node_process::node_process(const std::filesystem::path& program, const std::filesystem::path& folder,
                           const std::string& config) {
  std::ofstream(folder / "config.toml") << config;
  process_.emplace(program, std::vector<std::string>{"--config", (folder / "config.toml").string()},
                   folder / "node.log");
  for (int i = 0; i < start_tries; ++i, std::this_thread::sleep_for(pause)) {
    if (process_->has_ended()) throw std::runtime_error("the node ended at its start: " + process_->said());
    const auto said = nlohmann::json::parse(content_of(folder / "data" / "node.json"), nullptr, false);
    if (!said.is_object()) continue;
    const std::string url = said["url"];
    address_ = {static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1))), said["token"]};
    if (ask("GET", "/readyz").first == 200) return;
  }
  throw std::runtime_error("the node does not get ready: " + process_->said());
}

std::pair<int, nlohmann::json> node_process::ask(const std::string& method, const std::string& path,
                                                 const std::string& body) {
  int s = -1;
  try {
    s = connect_to(address_.port);
  } catch (const std::exception&) {
    return {0, nullptr};
  }
  const auto request = fmt::format(
      "{} {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
      method, path, address_.port, address_.token, body.size(), body);
  std::string answer;
  if (send(s, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char buffer[16'384];
    while (wait_for(s, POLLIN)) {
      const auto n = read(s, buffer, sizeof buffer);
      if (n <= 0) break;
      answer.append(buffer, static_cast<std::size_t>(n));
    }
  }
  close(s);
  const auto head = answer.find("\r\n\r\n");
  if (head == std::string::npos || answer.size() < 12) return {0, nullptr};
  return {std::stoi(answer.substr(9, 3)), nlohmann::json::parse(answer.substr(head + 4), nullptr, false)};
}

}  // namespace weir::bench
