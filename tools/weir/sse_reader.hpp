// Server-sent events out of a body that comes in pieces (WHATWG HTML, "event stream"). No I/O.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "runtime/result.hpp"

namespace weir::cli {

struct sse_event {
  std::string type;  // "message" when the server names none
  std::string data;  // lines joined by '\n'
  std::string id;    // the last id seen: the token to resume from
};

class sse_reader {
 public:
  static constexpr std::size_t max_event_bytes = 16U << 20;

  // Hands every event that is complete to `take`, until that returns false. limit_exceeded: an event is too long.
  status feed(std::string_view bytes, const std::function<bool(const sse_event&)>& take);
  bool stopped() const { return stopped_; }

 private:
  void end_line(const std::function<bool(const sse_event&)>& take);

  std::string line_;
  sse_event event_;
  bool has_data_ = false;
  bool after_cr_ = false;
  bool stopped_ = false;
};

}  // namespace weir::cli
