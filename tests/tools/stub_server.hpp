// A small HTTP server on a thread of its own: answers what a test tells it, keeps what it was asked.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace weir::cli {

struct stub_request {
  std::string method, target, head, body;  // head: the header lines as they came
};

struct stub_reply {
  int status = 200;
  std::string body = "{}";
  std::string type = "application/json";
  bool open_end = false;  // no length: the connection's end ends the body
  bool hold = false;      // ... and the connection stays open until the server stops
};

class stub_server {
 public:
  using handler = std::function<stub_reply(const stub_request&)>;

  explicit stub_server(handler answer) : answer_(std::move(answer)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const raw = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, raw, size) != 0 || ::listen(listener_, 16) != 0 ||
        ::getsockname(listener_, raw, &size) != 0) {
      throw std::runtime_error("no port on the loopback address");
    }
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }

  ~stub_server() {
    stopped_ = true;
    thread_.join();
    for (const int held : held_) ::close(held);
    ::close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  std::vector<stub_request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  stub_request last() const { return requests().back(); }

 private:
  void serve() {
    while (!stopped_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 20) <= 0) continue;
      const int connection = ::accept(listener_, nullptr, nullptr);
      if (connection < 0) continue;
      if (!answer(connection)) ::close(connection);
    }
  }

  // True when the connection is held open.
  bool answer(int connection) {
    std::string text;
    std::size_t head_end = std::string::npos, length = 0;
    char piece[4096];
    while (head_end == std::string::npos || text.size() < head_end + 4 + length) {
      const auto got = ::recv(connection, piece, sizeof piece, 0);
      if (got <= 0) return false;
      text.append(piece, static_cast<std::size_t>(got));
      head_end = text.find("\r\n\r\n");
      const auto at = text.find("Content-Length: ");
      if (head_end != std::string::npos && at < head_end) length = std::stoul(text.substr(at + 16));
    }
    const auto method_end = text.find(' ');
    const auto target_end = text.find(' ', method_end + 1);
    stub_request request{text.substr(0, method_end), text.substr(method_end + 1, target_end - method_end - 1),
                         text.substr(0, head_end), text.substr(head_end + 4)};
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    const auto reply = answer_(request);
    auto out = "HTTP/1.1 " + std::to_string(reply.status) + " X\r\nContent-Type: " + reply.type + "\r\n";
    if (!reply.open_end) out += "Content-Length: " + std::to_string(reply.body.size()) + "\r\n";
    out += "Connection: close\r\n\r\n" + reply.body;
    ::send(connection, out.data(), out.size(), MSG_NOSIGNAL);
    if (reply.hold) held_.push_back(connection);
    return reply.hold;
  }

  handler answer_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopped_{false};
  mutable std::mutex mutex_;
  std::vector<stub_request> requests_;
  std::vector<int> held_;
  std::thread thread_;
};

}  // namespace weir::cli
