// The other end of a connection, moved step by step by a test: plain sockets, bytes written by hand.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/actors/source/mqtt/mqtt_fixture.hpp"

namespace weir::mqtt_test {

class scripted_broker {
 public:
  explicit scripted_broker(version speaks = version::v5) : speaks_(speaks) {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    REQUIRE(listener_ >= 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0);
    REQUIRE(::listen(listener_, 8) == 0);
    socklen_t size = sizeof at;
    REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size) == 0);
    port_ = ntohs(at.sin_port);
    be_patient(listener_);
  }
  ~scripted_broker() {
    hang_up();
    ::close(listener_);
  }
  scripted_broker(const scripted_broker&) = delete;
  scripted_broker& operator=(const scripted_broker&) = delete;

  std::uint16_t port() const { return port_; }
  std::string address() const { return fmt::format("127.0.0.1:{}", port_); }

  // Takes the next client; the one before is left.
  void accept() {
    hang_up();
    client_ = ::accept(listener_, nullptr, nullptr);
    REQUIRE(client_ >= 0);
    be_patient(client_);
  }
  // ... up to its running subscription.
  void serve(bool session_present = false) {
    accept();
    REQUIRE(read().type() == mqtt::packet_type::connect);
    write(connack(speaks_, 0, session_present));
    REQUIRE(read().type() == mqtt::packet_type::subscribe);
    write(suback(speaks_));
  }
  // The client's next packet.
  raw_packet read() {
    for (;;) {
      std::string_view left = pending_;
      auto packet = reader_.next(left);
      pending_.erase(0, pending_.size() - left.size());
      if (!packet) FAIL(packet.error().text());
      if (*packet) return std::move(**packet);
      char buffer[4096];
      const auto n = ::recv(client_, buffer, sizeof buffer, 0);
      INFO("the client says nothing more");
      REQUIRE(n > 0);
      pending_.append(buffer, static_cast<std::size_t>(n));
    }
  }
  std::uint16_t read_acknowledgement() {
    const auto packet = read();
    REQUIRE(packet.type() == mqtt::packet_type::puback);
    return static_cast<std::uint16_t>(static_cast<unsigned char>(packet.body[0]) << 8 |
                                      static_cast<unsigned char>(packet.body[1]));
  }
  void write(const std::string& bytes) {
    REQUIRE(::send(client_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
  }
  // Bytes that go out before the client no longer takes any.
  std::size_t write_until_full(const std::string& bytes, std::size_t most) {
    std::size_t sent = 0;
    timeval brief{1, 0};
    ::setsockopt(client_, SOL_SOCKET, SO_SNDTIMEO, &brief, sizeof brief);
    while (sent < most) {
      const auto n =
          ::send(client_, bytes.data() + sent % bytes.size(), bytes.size() - sent % bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) break;
      sent += static_cast<std::size_t>(n);
    }
    be_patient(client_);
    return sent;
  }
  bool closed_by_client() {
    char byte;
    return ::recv(client_, &byte, 1, 0) == 0;
  }
  void hang_up() {
    if (client_ >= 0) ::close(client_);
    client_ = -1;
    pending_.clear();
    reader_ = mqtt::packet_reader({});
  }

 private:
  static void be_patient(int fd) {
    timeval patience{60, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }

  version speaks_;
  int listener_ = -1, client_ = -1;
  std::uint16_t port_ = 0;
  std::string pending_;
  mqtt::packet_reader reader_{{}};
};

}  // namespace weir::mqtt_test
