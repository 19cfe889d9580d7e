// A node's part in its deployment (DESIGN §6): its own heartbeats, what it hears of the others, the links to them. What
// follows from that is decided by cluster/failure_detector and by the fold of the control log; this class only brings
// them what they judge by.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "actors/net/peer_link.hpp"
#include "cluster/failure_detector.hpp"
#include "cluster/own_lease.hpp"
#include "runtime/log/heartbeats.hpp"

namespace weir {

struct member_setup {
  std::string app, name;
  std::string host = "127.0.0.1";  // of the link
  std::uint16_t port = 0;
  std::int64_t heartbeat_interval_ms = 300, lease_ms = 2'000, suspicion_ms = 300;
  // Tried until it opens, on the member's own thread.
  std::function<result<std::unique_ptr<heartbeat_channel>>()> open_channel;
  std::shared_ptr<io_thread> network;
};

class cluster_member {
 public:
  static result<std::unique_ptr<cluster_member>> open(member_setup setup);
  ~cluster_member();

  const std::string& name() const { return setup_.name; }
  const std::string& link_address() const { return listener_->address(); }
  std::uint64_t incarnation() const { return incarnation_; }
  // The control log has this node's join under that incarnation: heartbeats begin.
  void joined(std::uint64_t incarnation);
  // Called, from any thread, when something has changed that propose() looks at. May be empty.
  void on_news(std::function<void()> news);

  // Holds links to the other nodes.
  void follow(const control_state& state);
  // What to write to the control log now.
  std::vector<control_record> propose(const control_state& state);
  // Why that node counts as gone, for the log; empty: it does not.
  std::string why_gone(const control_state& state, std::string_view name);
  bool was_heard(std::string_view name, std::uint64_t incarnation) const;
  // Others cannot have counted this node as gone by now (PROTOCOL 21).
  bool lease_is_sure() const;

 private:
  explicit cluster_member(member_setup setup);
  void beat();
  void exchange(heartbeat_channel& channel);
  void tell();

  member_setup setup_;
  std::atomic<std::uint64_t> incarnation_ = 0;
  mutable std::mutex mutex_;  // of what follows
  failure_detector detector_;
  own_lease lease_;
  std::function<void()> news_;
  std::condition_variable changed_;
  bool ending_ = false;
  std::unique_ptr<link_listener> listener_;
  std::unique_ptr<link_watcher> watcher_;
  std::thread beats_;
};

// A clock that also goes on while the process or the machine stands still.
std::int64_t boot_clock_ms();

}  // namespace weir
