// Committed state on local disk (RocksDB): what the changelog says, plus every view's table. It is written only after
// the log's commit, in one WriteBatch per commit, with a stamp that says how far the changelog is in it; so it is never
// ahead of the log (but after a power loss, which the stamp shows) and can always be rebuilt from it.
//
// Thread safety: every method may be called from any thread; writes to one shard come from one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/log/log.hpp"
#include "runtime/result.hpp"

namespace weir {

// The views must stay valid until apply() returns.
struct view_row_change {
  std::string_view view;
  std::optional<std::string_view> key;    // of the row in its table; none: the row is known by its offset
  std::optional<std::string_view> value;  // the row's JSON; none: deleted
  std::int64_t offset = 0;                // in the view's topic
  bool fresh = false;                     // of an append view: no row had this key before, and none will
  std::int64_t time_us = 0;               // the row's event time
};

struct state_delta {
  // Complete state keys and values, as in the changelog.
  struct change {
    std::string_view key;
    std::optional<std::string_view> value;
  };
  std::vector<change> changes;
  std::int64_t changelog_next = 0;  // the changelog offset after this delta: the new stamp
  std::vector<view_row_change> rows;
  // View topics' offsets after this delta (of this shard's partition).
  std::vector<std::pair<std::string, std::int64_t>> view_next;
};

struct table_row {
  std::string key;
  std::string json;
  std::uint64_t order = 0;   // rises with each write to the view in its shard
  std::int64_t time_us = 0;  // the row's event time; only newest() tells it
};

struct table_scan {
  std::string from, to;  // keys: from <= key < to; an empty `to` has no upper bound
  std::size_t limit = 100;
};

struct newest_scan {
  std::string from, to;                     // as above
  std::uint64_t below = ~std::uint64_t{0};  // only rows with a smaller order
  std::size_t limit = 100;
};

class state_store {
 public:
  // view_rows: rows kept per view and shard; the oldest written are dropped first.
  static result<std::unique_ptr<state_store>> open(const std::string& path, std::size_t view_rows);
  ~state_store();

  // Of the last applied delta; 0 when the shard has no state.
  result<std::int64_t> changelog_stamp(int shard);
  result<std::int64_t> view_stamp(int shard, std::string_view view);
  status apply(int shard, const state_delta& delta);
  // Every state entry whose key begins with `prefix`, in key order.
  status load(int shard, std::string_view prefix,
              const std::function<status(std::string_view key, std::string_view value)>& each);
  status wipe(int shard);
  status wipe_view(int shard, std::string_view view);

  result<std::vector<table_row>> scan(int shard, std::string_view view, const table_scan& scan);
  // The rows that were written last, the last one first.
  result<std::vector<table_row>> newest(int shard, std::string_view view, const newest_scan& scan);
  result<std::optional<std::string>> get(int shard, std::string_view view, std::string_view key);
  result<std::uint64_t> row_count(int shard, std::string_view view);

  // Whether the last run, if there was one, ended with mark_clean(); open() itself marks the store as in use.
  bool was_clean() const;
  status mark_clean();

 private:
  struct impl;
  explicit state_store(std::unique_ptr<impl> i);
  std::unique_ptr<impl> impl_;
};

}  // namespace weir
