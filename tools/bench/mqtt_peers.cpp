#include "tools/bench/mqtt_peers.hpp"

#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <stdexcept>

#include "tools/bench/clocks.hpp"
#include "tools/bench/node_process.hpp"

namespace weir::bench {

namespace {

constexpr int answer_ms = 10'000, start_tries = 100;
constexpr std::int64_t patience_us = 60'000'000;
constexpr std::uint64_t most_unconfirmed = 1'000, most_ahead = 20'000, most_at_once = 256;
constexpr std::size_t puback_bytes = 4;

std::string text16(std::string_view text) {
  return std::string{static_cast<char>(text.size() >> 8), static_cast<char>(text.size())}.append(text);
}

std::string packet(char kind, const std::string& body) {
  std::string out(1, kind);
  auto left = body.size();
  do {
    out.push_back(static_cast<char>((left & 0x7f) | (left > 0x7f ? 0x80 : 0)));
    left >>= 7;
  } while (left > 0);
  return out += body;
}

bool wait_for(int socket, short what, std::int64_t limit_us) {
  pollfd ready{socket, what, 0};
  const timespec limit{limit_us / 1'000'000, limit_us % 1'000'000 * 1'000};
  return ppoll(&ready, 1, &limit, nullptr) == 1;
}

void send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto n = send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) throw std::runtime_error("mosquitto closed a connection");
    if (n > 0)
      bytes.remove_prefix(static_cast<std::size_t>(n));
    else if (!wait_for(socket, POLLOUT, std::int64_t{1'000} * answer_ms))
      throw std::runtime_error("mosquitto reads no more");
  }
}

// Sends a packet and waits for its answer, of `bytes` bytes.
std::string ask(int socket, const std::string& request, std::size_t bytes) {
  send_all(socket, request);
  std::string out(bytes, '\0');
  for (std::size_t have = 0; have < bytes;) {
    if (!wait_for(socket, POLLIN, std::int64_t{1'000} * answer_ms))
      throw std::runtime_error("mosquitto does not answer");
    const auto n = read(socket, out.data() + have, bytes - have);
    if (n <= 0) throw std::runtime_error("mosquitto closed a connection");
    have += static_cast<std::size_t>(n);
  }
  return out;
}

int open_session(std::uint16_t port, std::string_view client_id) {
  const int s = connect_to(port);
  constexpr char clean = 2, no_keep_alive = 0;
  const auto hello = text16("MQTT") + '\x04' + clean + no_keep_alive + no_keep_alive + text16(client_id);
  if (ask(s, packet('\x10', hello), 4)[3] != 0) throw std::runtime_error("mosquitto refused a client");
  return s;
}

std::filesystem::path program() {
  for (const auto* folder : {"/usr/sbin", "/usr/bin", "/usr/local/sbin"})
    if (const auto at = std::filesystem::path(folder) / "mosquitto"; std::filesystem::exists(at)) return at;
  throw std::runtime_error("mosquitto is not installed (tools/install --test)");
}

std::uint16_t free_port() {
  const int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  const bool good = bind(s, reinterpret_cast<sockaddr*>(&at), size) == 0 &&
                    getsockname(s, reinterpret_cast<sockaddr*>(&at), &size) == 0;
  close(s);
  if (!good) throw std::runtime_error("no free port");
  return ntohs(at.sin_port);
}

class publishing {
 public:
  publishing(std::uint16_t port, const std::string& topic, const load& what,
             const std::function<std::uint64_t()>& consumed)
      : load_(what), consumed_(consumed), topic_(text16(topic)), socket_(open_session(port, "bench-publisher")) {}
  ~publishing() { close(socket_); }
  publishing(const publishing&) = delete;
  publishing& operator=(const publishing&) = delete;

  load_result run() {
    const auto cpu = cpu_of_this_thread();
    begin_us_ = wall_clock_us();
    const auto end_us = begin_us_ + static_cast<std::int64_t>(load_.seconds * 1e6);
    auto now = begin_us_;
    for (; now < end_us || confirmed_ < sent_; now = wall_clock_us()) {
      if (now > end_us + patience_us) throw std::runtime_error("messages were not confirmed");
      const auto next = now < end_us ? how_many(now) : 0;
      if (next > 0) publish(next, now);
      take_confirmations(next > 0 ? 0 : wait_us(now));
    }
    load_result out;
    out.records = sent_;
    out.wall_s = static_cast<double>(now - begin_us_) / 1e6;
    out.client_cpu_s = cpu_of_this_thread() - cpu;
    return out;
  }

 private:
  std::int64_t due_us(std::uint64_t record) const {
    return begin_us_ + static_cast<std::int64_t>(1e6 * static_cast<double>(record) / load_.rate);
  }

  std::uint64_t how_many(std::int64_t now) const {
    auto most = std::min(most_at_once, most_unconfirmed - (sent_ - confirmed_));
    if (load_.rate <= 0) return std::min(most, most_ahead - std::min(most_ahead, sent_ - std::min(sent_, consumed_())));
    const auto due = 1 + static_cast<std::uint64_t>(static_cast<double>(now - begin_us_) * load_.rate / 1e6);
    return std::min(most, due - std::min(due, sent_));
  }

  std::int64_t wait_us(std::int64_t now) const {
    constexpr std::int64_t ahead_us = 500;  // until the consumer is asked again
    return load_.rate <= 0 ? ahead_us : std::clamp<std::int64_t>(due_us(sent_) - now, 0, 10'000);
  }

  void publish(std::uint64_t count, std::int64_t now) {
    output_.clear();
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto& record = record_.stamped(load_.rate <= 0 ? now : due_us(sent_), sent_);
      const auto id = 1 + sent_++ % 65'535;
      auto body = topic_;
      body.append({static_cast<char>(id >> 8), static_cast<char>(id)}).append(record, 0, record.size() - 1);
      output_ += packet('\x32', body);
    }
    send_all(socket_, output_);
  }

  void take_confirmations(std::int64_t longest_us) {
    if (!wait_for(socket_, POLLIN, longest_us)) return;
    char buffer[16'384];
    const auto n = read(socket_, buffer, sizeof buffer);
    if (n == 0) throw std::runtime_error("mosquitto closed a connection");
    if (n < 0) return;
    confirmed_bytes_ += static_cast<std::uint64_t>(n);  // nothing else is sent to this client
    confirmed_ = confirmed_bytes_ / puback_bytes;
  }

  load load_;
  const std::function<std::uint64_t()>& consumed_;
  std::string topic_, output_;
  sent_records record_{"", 1};
  int socket_;
  std::uint64_t sent_ = 0, confirmed_ = 0, confirmed_bytes_ = 0;
  std::int64_t begin_us_ = 0;
};

}  // namespace

mosquitto::mosquitto(const std::filesystem::path& folder) : port_(free_port()) {
  const auto config = folder / "mosquitto.conf";
  {
    std::ofstream out(config);
    out << fmt::format(
        "listener {} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_type error\nset_tcp_nodelay true\n"
        "max_queued_messages 0\nmax_inflight_messages 0\n",
        port_);
    if (geteuid() == 0) out << "user root\n";
  }
  process_.emplace(program(), std::vector<std::string>{"-c", config.string()}, folder / "mosquitto.log");
  for (int i = 0; i < start_tries; ++i, std::this_thread::sleep_for(std::chrono::milliseconds(50))) {
    if (process_->has_ended()) break;
    try {
      close(connect_to(port_));
      return;
    } catch (const std::exception&) {
    }
  }
  throw std::runtime_error("mosquitto does not start: " + process_->said());
}

load_result publish_records(std::uint16_t port, const std::string& topic, const load& what,
                            const std::function<std::uint64_t()>& consumed) {
  return publishing(port, topic, what, consumed).run();
}

bare_consumer::bare_consumer(std::uint16_t port, const std::string& topic)
    : socket_(open_session(port, "bench-consumer")) {
  constexpr char qos = 1;
  const auto wanted = std::string("\0\1", 2) + text16(topic) + qos;
  if (ask(socket_, packet('\x82', wanted), 5)[4] != qos) throw std::runtime_error("mosquitto refused a subscription");
  thread_ = std::thread([this] { work(); });
}

bare_consumer::~bare_consumer() {
  ending_ = true;
  if (thread_.joinable()) thread_.join();
  close(socket_);
}

double bare_consumer::cpu_s() const { return cpu_of(thread_); }

std::vector<std::int64_t> bare_consumer::finish() {
  ending_ = true;
  thread_.join();
  std::ranges::sort(ages_us_);
  return std::move(ages_us_);
}

void bare_consumer::work() {
  std::string input, acknowledgements;
  std::vector<char> buffer(1 << 16);
  while (!ending_) {
    if (!wait_for(socket_, POLLIN, 20'000)) continue;
    const auto n = read(socket_, buffer.data(), buffer.size());
    if (n <= 0) return;
    input.append(buffer.data(), static_cast<std::size_t>(n));
    acknowledgements.clear();
    input.erase(0, take(input, acknowledgements));
    send_all(socket_, acknowledgements);
  }
}

// Answers how many bytes were whole packets.
std::size_t bare_consumer::take(std::string_view bytes, std::string& acknowledgements) {
  std::size_t used = 0;
  for (;;) {
    const auto rest = bytes.substr(used);
    std::size_t length = 0, head = 1;
    for (bool more = true; more; ++head) {
      if (head >= rest.size()) return used;
      const auto byte = static_cast<unsigned char>(rest[head]);
      length |= static_cast<std::size_t>(byte & 0x7f) << (7 * (head - 1));
      more = byte >= 0x80;
    }
    if (rest.size() - head < length) return used;
    if ((rest[0] & 0xf0) == 0x30) take_message(rest.substr(head, length), acknowledgements);
    used += head + length;
  }
}

void bare_consumer::take_message(std::string_view packet, std::string& acknowledgements) {
  const auto topic = static_cast<std::size_t>(static_cast<unsigned char>(packet[0])) << 8 |
                     static_cast<std::size_t>(static_cast<unsigned char>(packet[1]));
  acknowledgements.append("\x40\x02", 2).append(packet.substr(2 + topic, 2));
  if (const auto sent = sent_time_if_passing(packet.substr(4 + topic)); sent > 0)
    ages_us_.push_back(wall_clock_us() - sent);
  ++received_;
}

}  // namespace weir::bench
