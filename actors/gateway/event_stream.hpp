// One subscription as server-sent events (WHATWG HTML), without the socket. Rows and deletions are unnamed events whose
// data is {"deleted":[..],"rows":[..],"token"}; `shed` tells what was skipped, `problem` ends the stream. An event's id
// is the token that resumes after it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "actors/gateway/subscription.hpp"

namespace weir {

class event_stream {
 public:
  explicit event_stream(std::unique_ptr<subscription> from) : from_(std::move(from)) {}

  // What a stream begins with: the time to wait before a reconnect, and the position that it stands at.
  std::string opening() const;
  // The next event; nullopt: none for now.
  std::optional<std::string> next_event();
  static std::string heartbeat() { return ": still here\n\n"; }
  bool ended() const { return ended_; }

 private:
  std::unique_ptr<subscription> from_;
  bool ended_ = false;
};

}  // namespace weir
