// How nodes notice each other's end at once: every node listens, every other one holds a connection to it on which
// nothing is said after the hello. A process that ends closes it, whatever it died of.
//
//   listener ──"weir-link <app> <node> <incarnation>\n"──> watcher ... (silence) ... end of the connection
//
// A broken connection alone is no proof: the watcher connects anew before it says anything, and tells whether somebody
// refused that (nobody listens, or a later process does) or nobody answered.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "actors/net/io_thread.hpp"
#include "runtime/result.hpp"

namespace weir {

class link_listener {
 public:
  // At most this many connections at a time; more are closed at once.
  static constexpr std::size_t most_links = 64;

  // port 0: a free one.
  static result<std::unique_ptr<link_listener>> open(std::shared_ptr<io_thread> on, const std::string& host,
                                                     std::uint16_t port);
  ~link_listener();
  // host:port, to be told to others.
  const std::string& address() const;
  // What connections from now on are told.
  void say(std::string hello);

 private:
  struct impl;
  explicit link_listener(std::shared_ptr<impl> i) : impl_(std::move(i)) {}
  std::shared_ptr<impl> impl_;
};

std::string link_hello(std::string_view app, std::string_view node, std::uint64_t incarnation);

struct link_target {
  std::uint64_t incarnation = 0;
  std::string address;  // host:port

  bool operator==(const link_target&) const = default;
};

class link_watcher {
 public:
  // Both are called on the io thread.
  struct events {
    std::function<void(const std::string& node, std::uint64_t incarnation)> up;
    // Only after it was up once: an address that never answered says nothing about its node.
    std::function<void(const std::string& node, std::uint64_t incarnation, bool refused)> lost;
  };

  link_watcher(std::shared_ptr<io_thread> on, std::string app, events e);
  ~link_watcher();  // no event comes after it
  // The nodes to hold a connection to: others are let go of.
  void follow(std::map<std::string, link_target> nodes);

 private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

}  // namespace weir
