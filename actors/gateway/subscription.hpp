// One live subscription: a cursor over a view's committed rows becomes bounded batches. WebSocket and event streams
// both stand on it. A client that takes its batches too slowly falls behind in the log, not in this process's memory;
// when it is more than max_backlog_rows behind, it is moved to the end, and what it missed is counted and told to it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/gateway/routes.hpp"

namespace weir {

// Deletions come before rows: a batch in which a key is deleted after it was written is cut there.
struct live_batch {
  std::uint64_t shed = 0;  // rows that were skipped just before this
  std::vector<live_row> deleted, rows;
  std::string token;  // resumes after this batch; empty: there is more of the same read to come

  // {"deleted":[...],"rows":[...],"token":"..."} without the outer braces; a shed batch is "shed":n and the token.
  std::string members() const;
};

class subscription {
 public:
  // `from`: "now" or empty, "start", or a token. `wake` is called from any thread when next() may have more.
  // limit_exceeded: as many subscriptions as the node allows; else what the node says.
  static result<std::unique_ptr<subscription>> open(const gateway_context& context, const std::string& view,
                                                    const std::string& from, std::function<void()> wake);
  ~subscription();
  subscription(const subscription&) = delete;
  subscription& operator=(const subscription&) = delete;

  // The next batch; nullopt: none for now. After an error the subscription is over.
  result<std::optional<live_batch>> next();
  std::string token() const { return cursor_->token(); }

 private:
  explicit subscription(const gateway_context& context) : context_(context) {}
  void cut_into_batches(std::vector<live_row> rows);

  const gateway_context& context_;
  std::unique_ptr<live_cursor> cursor_;
  std::deque<live_batch> ready_;
};

}  // namespace weir
