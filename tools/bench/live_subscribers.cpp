#include "tools/bench/live_subscribers.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <stdexcept>

#include "runtime/time/timestamp.hpp"

namespace weir::bench {

namespace {

constexpr int patience_ms = 10'000;
constexpr std::size_t most_ages = 4'000'000;

void send_all(int socket, const std::string& bytes) {
  if (send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error("a subscriber's request was not taken");
}

// A short frame of a client: masked, with a mask of zeros.
std::string frame(char opcode, std::string_view text) {
  std::string out{static_cast<char>(0x80 | opcode)};
  if (text.size() < 126) {
    out.push_back(static_cast<char>(0x80 | text.size()));
  } else {
    out.push_back(static_cast<char>(0x80 | 126));
    out.push_back(static_cast<char>(text.size() >> 8));
    out.push_back(static_cast<char>(text.size()));
  }
  return out.append(4, '\0').append(text);
}

// The first frame of `in`: its opcode and text, and how many bytes it takes; 0: not all of it is there.
struct parsed_frame {
  int opcode = 0;
  bool last = false;  // of its message
  std::string_view text;
  std::size_t bytes = 0;
};
parsed_frame first_frame(std::string_view in) {
  if (in.size() < 2) return {};
  std::size_t length = static_cast<unsigned char>(in[1]) & 0x7f, head = 2;
  const std::size_t extra = length == 126 ? 2 : length == 127 ? 8 : 0;
  if (in.size() < head + extra) return {};
  if (extra > 0) length = 0;
  for (std::size_t i = 0; i < extra; ++i) length = length << 8 | static_cast<unsigned char>(in[head + i]);
  head += extra;
  if (in.size() - head < length) return {};
  return {in[0] & 0x0f, (in[0] & 0x80) != 0, in.substr(head, length), head + length};
}

// The time that a JSON value is: a timestamp's text, or microseconds.
std::optional<std::int64_t> time_at(std::string_view json) {
  if (json.starts_with('"')) {
    const auto time = parse_timestamp(json.substr(1, json.find('"', 1) - 1));
    return time ? std::optional(*time) : std::nullopt;
  }
  std::int64_t us = 0;
  const auto [end, code] = std::from_chars(json.data(), json.data() + json.size(), us);
  return code == std::errc() ? std::optional(us) : std::nullopt;
}

bool receive(int socket, std::string& into) {
  pollfd ready{socket, POLLIN, 0};
  if (poll(&ready, 1, patience_ms) != 1) return false;
  char buffer[4'096];
  const auto n = read(socket, buffer, sizeof buffer);
  if (n > 0) into.append(buffer, static_cast<std::size_t>(n));
  return n > 0;
}

int subscribed_socket(const node_address& node, const std::string& view, std::string& rest) {
  const int s = connect_to(node.port);
  send_all(s, fmt::format("GET /v1/live HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
                          "Authorization: Bearer {}\r\n\r\n",
                          node.port, node.token));
  while (rest.find("\r\n\r\n") == std::string::npos)
    if (!receive(s, rest)) throw std::runtime_error("a subscriber's connection was not upgraded");
  if (!rest.starts_with("HTTP/1.1 101")) throw std::runtime_error("a subscriber was refused: " + rest);
  rest.erase(0, rest.find("\r\n\r\n") + 4);
  send_all(s, frame(1, fmt::format(R"({{"op":"subscribe","id":"a","view":"{}","from":"now"}})", view)));
  while (first_frame(rest).bytes == 0)
    if (!receive(s, rest)) throw std::runtime_error("a subscription was not answered");
  const auto answer = first_frame(rest);
  if (answer.text.find("\"subscribed\"") == std::string_view::npos)
    throw std::runtime_error(fmt::format("a subscription was refused: {}", answer.text));
  rest.erase(0, answer.bytes);
  return s;
}

}  // namespace

live_subscribers::live_subscribers(const node_address& node, const std::string& view, int count,
                                   const std::string& time_column)
    : clients_(static_cast<std::size_t>(count)),
      time_member_(fmt::format("\"{}\":", time_column)),
      poll_(epoll_create1(EPOLL_CLOEXEC)) {
  for (std::size_t i = 0; i < clients_.size(); ++i) {
    clients_[i].socket = subscribed_socket(node, view, clients_[i].received);
    epoll_event wanted{};
    wanted.events = EPOLLIN;
    wanted.data.u64 = i;
    epoll_ctl(poll_, EPOLL_CTL_ADD, clients_[i].socket, &wanted);
  }
  thread_ = std::thread([this] { work(); });
}

live_subscribers::~live_subscribers() {
  ending_ = true;
  if (thread_.joinable()) thread_.join();
  for (const auto& c : clients_)
    if (c.socket >= 0) close(c.socket);
  close(poll_);
}

void live_subscribers::work() {
  std::vector<epoll_event> ready(256);
  while (!ending_) {
    const int n = epoll_wait(poll_, ready.data(), static_cast<int>(ready.size()), 50);
    for (int i = 0; i < n; ++i) take(clients_[ready[static_cast<std::size_t>(i)].data.u64]);
  }
}

void live_subscribers::take(client& c) {
  char buffer[65'536];
  const auto n = read(c.socket, buffer, sizeof buffer);
  const auto now = wall_clock_us();
  if (n <= 0) return;
  c.received.append(buffer, static_cast<std::size_t>(n));
  std::size_t used = 0;
  for (;;) {
    const auto f = first_frame(std::string_view(c.received).substr(used));
    if (f.bytes == 0) break;
    if (f.opcode <= 1) {
      c.message.append(f.text);
      if (f.last) {
        take_message(c.message, now);
        c.message.clear();
      }
    }
    if (f.opcode == 9) send_all(c.socket, frame(10, f.text));
    used += f.bytes;
  }
  c.received.erase(0, used);
}

void live_subscribers::take_message(std::string_view text, std::int64_t now) {
  ++messages_;
  for (auto at = text.find(time_member_); at != std::string_view::npos; at = text.find(time_member_, at)) {
    at += time_member_.size();
    ++rows_;
    const auto from = time_at(text.substr(at));
    if (from && ages_us_.size() < most_ages) ages_us_.push_back(now - *from);
  }
}

std::vector<std::int64_t> live_subscribers::finish() {
  ending_ = true;
  thread_.join();
  std::ranges::sort(ages_us_);
  return std::move(ages_us_);
}

}  // namespace weir::bench
