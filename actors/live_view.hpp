// A reader of a view's committed rows, at its own pace, one partition per shard: from the feed that it shares with the
// view's other readers or, where it is behind that, from the log.
//
// Rows of one shard come in the order in which they were committed; shards take turns. The token names the view, the
// pipeline's incarnation and the offset in every shard behind the last row handed out.
#pragma once

#include <atomic>
#include <deque>

#include "actors/gateway/node_api.hpp"
#include "actors/live_feed.hpp"
#include "actors/live_hub.hpp"
#include "runtime/log/log.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

struct live_view_source {
  event_log& log;
  live_hub& hub;
  std::shared_ptr<live_feed> feed;
  int shards = 1;
};

class live_view : public live_cursor {
 public:
  // token: empty (from now on), "start", or one of token(). invalid_argument: no token of this view.
  // offset_out_of_range: what it points at is gone.
  static result<std::unique_ptr<live_cursor>> open(live_view_source from, const view_plan& plan,
                                                   std::uint64_t incarnation, std::string_view token);
  ~live_view() override;
  live_view(const live_view&) = delete;
  live_view& operator=(const live_view&) = delete;

  result<live_rows> next(std::size_t max_rows) override;
  std::string token() const override;
  // Of the entries committed since the cursor was opened: history that was asked for is no sign of a slow reader.
  std::uint64_t backlog() const override;
  std::uint64_t skip_to_end() override;
  void on_more(std::function<void()> wake) override;

 private:
  struct lane {
    std::int64_t position = 0;           // of the next entry to hand out
    std::int64_t end_at_open = 0;        // of the partition
    std::unique_ptr<log_reader> reader;  // only while it is behind the feed
    std::deque<live_entry> fetched;
  };
  live_view(live_view_source from, const view_plan& plan, std::uint64_t incarnation);

  live_place place() const;
  void go_to(const live_place& place);
  result<std::vector<live_row>> read(std::size_t max_rows);
  live_hub::more more_behind() const;
  result<live_rows> read_on(live_place from, std::size_t max_rows);
  status start(std::string_view token);
  status resume(std::string_view token);
  result<bool> fill(int shard);
  status read_log(int shard);
  std::optional<live_row> take(int shard);

  live_view_source from_;
  view_plan plan_;
  std::uint64_t incarnation_;
  std::vector<lane> lanes_;
  std::size_t turn_ = 0;
  std::uint64_t follower_ = 0;
  std::atomic<bool> woken_{true};  // a follower that has read all looks at nothing until it is woken
};

}  // namespace weir
