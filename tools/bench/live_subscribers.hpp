// Many WebSocket clients of a view on one thread: counts messages, and how old each row is when it comes.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tools/bench/clocks.hpp"
#include "tools/bench/node_process.hpp"

namespace weir::bench {

class live_subscribers {
 public:
  // Opens `count` connections that follow `view` from now on; throws when one is refused. A row's age is taken from
  // what it has in `time_column`: a timestamp, or microseconds since 1970.
  live_subscribers(const node_address& node, const std::string& view, int count, const std::string& time_column);
  ~live_subscribers();
  live_subscribers(const live_subscribers&) = delete;
  live_subscribers& operator=(const live_subscribers&) = delete;

  std::uint64_t messages() const { return messages_; }
  std::uint64_t rows() const { return rows_; }
  double cpu_s() const { return cpu_of(thread_); }  // so far; not after finish()
  // Ends the clients; answers the rows' ages in microseconds, ascending.
  std::vector<std::int64_t> finish();

 private:
  struct client {
    int socket = -1;
    std::string received, message;  // bytes, and the text of the frames of a message that has not ended
  };
  void work();
  void take(client& c);
  void take_message(std::string_view text, std::int64_t now);

  std::vector<client> clients_;
  std::string time_member_;
  int poll_ = -1;
  std::atomic<bool> ending_{false};
  std::atomic<std::uint64_t> messages_{0}, rows_{0};
  std::vector<std::int64_t> ages_us_;
  std::thread thread_;
};

}  // namespace weir::bench
