#include "actors/net/peer_link.hpp"

#include <poll.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <mutex>
#include <vector>

using namespace weir;
using namespace std::chrono_literals;

namespace {

// What a watcher tells, in order.
struct heard_events {
  link_watcher::events listen() {
    return {[this](const std::string& node, std::uint64_t incarnation) {
              note(fmt::format("{} {} up", node, incarnation));
            },
            [this](const std::string& node, std::uint64_t incarnation, bool refused) {
              note(fmt::format("{} {} {}", node, incarnation, refused ? "refused" : "lost"));
            }};
  }
  void note(std::string what) {
    std::lock_guard lock(mutex);
    if (all.empty() || all.back() != what) all.push_back(std::move(what));
    changed.notify_all();
  }
  bool wait_for(const std::vector<std::string>& wanted) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 30s, [&] { return all == wanted; });
  }

  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::string> all;
};

std::unique_ptr<link_listener> listening(const std::shared_ptr<io_thread>& on, std::uint64_t incarnation,
                                         std::uint16_t port = 0) {
  auto made = link_listener::open(on, "127.0.0.1", port);
  REQUIRE(made);
  (*made)->say(link_hello("app", "a", incarnation));
  return std::move(*made);
}

std::uint16_t port_of(const link_listener& at) {
  return static_cast<std::uint16_t>(std::stoi(at.address().substr(at.address().rfind(':') + 1)));
}

}  // namespace

TEST_CASE("a link's end is told once nobody listens at its address any more") {
  const auto io = std::make_shared<io_thread>();
  auto there = listening(io, 3);
  heard_events heard;
  link_watcher watcher(std::make_shared<io_thread>(), "app", heard.listen());
  watcher.follow({{"a", {3, there->address()}}});
  REQUIRE(heard.wait_for({"a 3 up"}));
  there.reset();
  CHECK(heard.wait_for({"a 3 up", "a 3 refused"}));
}

TEST_CASE("a process that ends, whose listening socket is the last one to be closed, is told as one that refuses") {
  namespace asio = boost::asio;
  asio::io_context here;
  asio::ip::tcp::acceptor acceptor(here, {asio::ip::make_address("127.0.0.1"), 0});
  heard_events heard;
  link_watcher watcher(std::make_shared<io_thread>(), "app", heard.listen());
  watcher.follow({{"a", {3, fmt::format("127.0.0.1:{}", acceptor.local_endpoint().port())}}});
  auto held = acceptor.accept();
  asio::write(held, asio::buffer(link_hello("app", "a", 3) + "\n"));
  REQUIRE(heard.wait_for({"a 3 up"}));
  held.close();
  // The watcher's next connection is taken by nobody, and ends with the socket that it waits at.
  acceptor.non_blocking(true);
  pollfd waits{acceptor.native_handle(), POLLIN, 0};
  REQUIRE(poll(&waits, 1, 30'000) == 1);
  acceptor.close();
  CHECK(heard.wait_for({"a 3 up", "a 3 refused"}));
}

TEST_CASE("another process at the address of a node is not that node") {
  const auto io = std::make_shared<io_thread>();
  auto there = listening(io, 3);
  const auto port = port_of(*there);
  heard_events heard;
  link_watcher watcher(std::make_shared<io_thread>(), "app", heard.listen());
  watcher.follow({{"a", {3, there->address()}}});
  REQUIRE(heard.wait_for({"a 3 up"}));
  there.reset();
  REQUIRE(heard.wait_for({"a 3 up", "a 3 refused"}));
  there = listening(io, 4, port);
  watcher.follow({{"a", {4, there->address()}}});
  CHECK(heard.wait_for({"a 3 up", "a 3 refused", "a 4 up"}));
}

TEST_CASE("an address that never answered as its node says nothing about it") {
  const auto io = std::make_shared<io_thread>();
  const auto there = listening(io, 3);
  heard_events heard;
  {
    link_watcher watcher(std::make_shared<io_thread>(), "app", heard.listen());
    watcher.follow({{"nobody", {1, "127.0.0.1:1"}},
                    {"other", {9, there->address()}},
                    {"odd", {1, "no address"}},
                    {"a", {3, there->address()}}});
    REQUIRE(heard.wait_for({"a 3 up"}));
    watcher.follow({});
  }
  CHECK(heard.wait_for({"a 3 up"}));
}
