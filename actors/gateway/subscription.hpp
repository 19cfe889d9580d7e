// One live subscription: a cursor over a view's committed rows becomes bounded batches. WebSocket and event streams
// both stand on it. A client that takes its batches too slowly falls behind in the log, not in this process's memory;
// when it is more than max_backlog_rows behind, it is moved to the end, and what it missed is counted and told to it.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "actors/gateway/routes.hpp"

namespace weir {

class subscription {
 public:
  // `from`: "now" or empty, "start", or a token. `wake` is called from any thread when next() may have more.
  // limit_exceeded: as many subscriptions as the node allows; else what the node says.
  static result<std::unique_ptr<subscription>> open(const gateway_context& context, const std::string& view,
                                                    const std::string& from, std::function<void()> wake);
  ~subscription();
  subscription(const subscription&) = delete;
  subscription& operator=(const subscription&) = delete;

  // The next batch; null: none for now. After an error the subscription is over.
  result<live_batch_ptr> next();
  std::string token() const { return cursor_->token(); }

 private:
  explicit subscription(const gateway_context& context) : context_(context) {}
  status read_on();

  const gateway_context& context_;
  std::unique_ptr<live_cursor> cursor_;
  std::deque<live_batch_ptr> ready_;
};

}  // namespace weir
