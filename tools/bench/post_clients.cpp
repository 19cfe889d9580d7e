#include "tools/bench/post_clients.hpp"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

#include "tools/bench/clocks.hpp"

namespace weir::bench {

namespace {

constexpr std::int64_t longest_wait_us = 20'000, patience_us = 30'000'000;
constexpr std::string_view header_end = "\r\n\r\n", length_field = "Content-Length: ";

std::string head_of(const node_address& to, const std::string& stream, std::size_t body_bytes) {
  return fmt::format(
      "POST /v1/streams/{}/records HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nAuthorization: Bearer {}\r\n"
      "Content-Type: application/x-ndjson\r\nContent-Length: {}\r\n\r\n",
      stream, to.port, to.token, body_bytes);
}

struct client {
  client(const node_address& to, const std::string& head, int count)
      : socket(connect_to(to.port)), records(head, count) {}
  client(const client&) = delete;
  client& operator=(const client&) = delete;
  ~client() { close(socket); }

  int socket;
  sent_records records;
  std::string_view unsent;  // of its request
  std::string answer;
  std::int64_t due_us = 0;
};

class post_run {
 public:
  post_run(const node_address& to, const std::string& stream, int connections, const load& what)
      : load_(what), poll_(epoll_create1(EPOLL_CLOEXEC)) {
    const auto body = sent_records("", what.records_at_once).stamped(wall_clock_us(), 0).size();
    const auto head = head_of(to, stream, body);
    for (int i = 0; i < connections; ++i) {
      clients_.push_back(std::make_unique<client>(to, head, what.records_at_once));
      idle_.push_back(clients_.back().get());
      epoll_event wanted{};
      wanted.events = EPOLLIN | EPOLLOUT | EPOLLET;
      wanted.data.ptr = clients_.back().get();
      epoll_ctl(poll_, EPOLL_CTL_ADD, clients_.back()->socket, &wanted);
    }
  }
  ~post_run() { close(poll_); }
  post_run(const post_run&) = delete;
  post_run& operator=(const post_run&) = delete;

  load_result run() {
    const auto cpu = cpu_of_this_thread();
    begin_us_ = wall_clock_us();
    const auto end_us = begin_us_ + static_cast<std::int64_t>(load_.seconds * 1e6);
    auto now = begin_us_;
    for (; now < end_us || idle_.size() < clients_.size(); now = wall_clock_us()) {
      if (now > end_us + patience_us) throw std::runtime_error("requests were not answered");
      if (now < end_us) start_what_is_due(now);
      await(std::min(longest_wait_us, std::max<std::int64_t>(next_due_us() - now, 0)));
    }
    result_.wall_s = static_cast<double>(now - begin_us_) / 1e6;
    result_.client_cpu_s = cpu_of_this_thread() - cpu;
    std::ranges::sort(result_.answer_us);
    return std::move(result_);
  }

 private:
  std::int64_t due_us(std::uint64_t request) const {
    return begin_us_ +
           static_cast<std::int64_t>(1e6 * static_cast<double>(request) * load_.records_at_once / load_.rate);
  }

  std::int64_t next_due_us() const {
    if (idle_.empty() || load_.rate <= 0) return begin_us_ + patience_us * 10;
    return due_us(started_);
  }

  void start_what_is_due(std::int64_t now) {
    while (!idle_.empty() && (load_.rate <= 0 || due_us(started_) <= now)) {
      auto& c = *idle_.back();
      idle_.pop_back();
      c.due_us = load_.rate <= 0 ? now : due_us(started_);
      c.unsent = c.records.stamped(c.due_us, started_++ * static_cast<std::uint64_t>(load_.records_at_once));
      send_on(c);
    }
  }

  void send_on(client& c) {
    if (c.unsent.empty()) return;
    const auto n = send(c.socket, c.unsent.data(), c.unsent.size(), MSG_NOSIGNAL);
    if (n > 0) c.unsent.remove_prefix(static_cast<std::size_t>(n));
    if (n < 0 && errno != EAGAIN) throw std::runtime_error(fmt::format("a request broke off: {}", strerror(errno)));
  }

  void await(std::int64_t longest_us) {
    epoll_event ready[256];
    const timespec limit{longest_us / 1'000'000, longest_us % 1'000'000 * 1'000};
    const int n = epoll_pwait2(poll_, ready, std::size(ready), &limit, nullptr);
    for (int i = 0; i < n; ++i) {
      auto& c = *static_cast<client*>(ready[i].data.ptr);
      send_on(c);
      receive(c);
    }
  }

  void receive(client& c) {
    char buffer[16'384];
    ssize_t n = 0;
    while ((n = read(c.socket, buffer, sizeof buffer)) > 0) c.answer.append(buffer, static_cast<std::size_t>(n));
    if (n == 0) throw std::runtime_error("a connection was closed: " + c.answer);
    const auto head = c.answer.find(header_end), field = c.answer.find(length_field);
    if (head == std::string::npos || field > head) return;
    std::size_t length = 0;
    std::from_chars(c.answer.data() + field + length_field.size(), c.answer.data() + head, length);
    if (c.answer.size() < head + header_end.size() + length) return;
    if (c.answer.compare(9, 3, "200") != 0) throw std::runtime_error("a request was refused: " + c.answer);
    c.answer.clear();
    result_.records += static_cast<std::uint64_t>(load_.records_at_once);
    result_.answer_us.push_back(wall_clock_us() - c.due_us);
    idle_.push_back(&c);
  }

  load load_;
  int poll_;
  std::vector<std::unique_ptr<client>> clients_;
  std::vector<client*> idle_;
  std::uint64_t started_ = 0;  // requests
  std::int64_t begin_us_ = 0;
  load_result result_;
};

}  // namespace

load_result post_records(const node_address& to, const std::string& stream, int connections, const load& what) {
  return post_run(to, stream, connections, what).run();
}

}  // namespace weir::bench
