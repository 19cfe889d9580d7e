// A view's committed rows, read from the tables of all shards as one.
//
// Order: by key, as runtime/batch/key_codec.hpp sorts (nulls last); equal keys by shard. A view without a key is
// ordered by the log offset of its rows and then by shard: within a shard that is the order in which they were written,
// between shards it says nothing of time. What is read while commits go on is not one moment of all shards.
//
// Newest first: within a shard what was committed last comes first, whatever its key; between shards the later event
// time of those that come next.
#pragma once

#include <deque>

#include "actors/gateway/node_api.hpp"
#include "runtime/sql/plan.hpp"
#include "state/state_store.hpp"

namespace weir {

struct shard_row {
  int shard = 0;
  table_row stored;
};

// One shard's rows on their way into a merge.
template <class Scan>
struct row_lane {
  Scan rest;  // what is still to be read
  std::deque<table_row> ready;
  bool at_end = false;
};

// The rows of one view in [from, to), merged over shards 0 .. shards - 1. Holds at most `chunk` rows per shard.
class merged_rows {
 public:
  merged_rows(state_store& store, int shards, std::string view, table_scan range);

  // Goes on behind this row; before the first next().
  void start_after(int shard, const std::string& key);
  result<std::optional<shard_row>> next();

 private:
  status refill(int shard);

  state_store& store_;
  std::string view_;
  std::vector<row_lane<table_scan>> lanes_;
};

// The same, newest first. below: of each shard, the order to begin below; empty: from the newest row on.
class newest_rows {
 public:
  newest_rows(state_store& store, int shards, std::string view, const table_scan& range,
              const std::vector<std::uint64_t>& below);
  result<std::optional<shard_row>> next();

 private:
  status refill(int shard);

  state_store& store_;
  std::string view_;
  std::vector<row_lane<newest_scan>> lanes_;
};

// Where key=value, from and to lie in the table. invalid_argument names the column, its type and what is allowed.
result<table_scan> range_of(const view_plan& plan, const row_query& query);

// {"items":[rows],"next":token or null}; at most `most` rows whatever the page asks for.
result<nlohmann::json> read_rows(state_store& store, int shards, const view_plan& plan, const row_query& query,
                                 std::size_t most);

// Every row of the view as columns, in the order above. limit_exceeded when there are more than `most`.
result<record_batch> read_all(state_store& store, int shards, const view_plan& plan, std::size_t most);

// The key columns of a row, from its key in the table or topic, as a JSON object.
result<std::string> key_object(const view_plan& plan, std::string_view key);

}  // namespace weir
