#include "state/state_store.hpp"

#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "runtime/log/quiet_rocks.hpp"
#include "runtime/operators/byte_codec.hpp"

namespace weir {

namespace {

// Column families. A key begins with the shard (2 bytes, big-endian), so that one shard is one range.
enum family : std::size_t {
  meta_family,   // <shard> 's' -> changelog stamp; <shard> 'v' <view> -> view stamp; "clean", "format"
  state_family,  // <shard> <state key> -> value
  rows_family,   // <shard> <view> 00 <row key> -> sequence (8 bytes) and the row's JSON
  order_family,  // <shard> <view> 00 <sequence, 8 bytes big-endian> -> rows from that sequence on (order_run)
};
constexpr const char* clean_key = "clean";
// Of all this. State in another one is wiped: the log has it.
constexpr const char* format_key = "format";
constexpr const char* format = "2";
constexpr std::size_t run_rows = 1'024;  // at most; eviction writes the rest of a run again

// Keys and event times of rows in the order in which they were written, with sequences that follow on: which rows are
// the oldest. Rows of an append view come many at a time and are never replaced, so one entry names many of them.
class order_run {
 public:
  void add(std::string_view key, std::int64_t time_us) {
    ++count_;
    put_bytes(keys_, key);
    put_zigzag(keys_, time_us);
  }
  std::size_t count() const { return count_; }
  std::string value() const {
    std::string out;
    put_varint(out, count_);
    return out += keys_;
  }
  // How many keys `value` names; the reader stands before the first one.
  static std::uint64_t read_count(byte_reader& in) {
    const auto count = in.varint();
    if (count == 0 || count > run_rows) in.reject();
    return count;
  }

 private:
  std::uint64_t count_ = 0;
  std::string keys_;
};

std::string big_endian(std::uint64_t v) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(v >> shift));
  return out;
}

std::uint64_t read_big_endian(std::string_view bytes) {
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < 8 && i < bytes.size(); ++i) v = v << 8 | static_cast<unsigned char>(bytes[i]);
  return v;
}

std::string shard_prefix(int shard) { return {static_cast<char>(shard >> 8), static_cast<char>(shard)}; }

std::string view_prefix(int shard, std::string_view view) {
  std::string out = shard_prefix(shard);
  out += view;
  out.push_back('\0');
  return out;
}

// The first key behind all that begin with `prefix`; empty: there is none.
std::string prefix_end(std::string prefix) {
  while (!prefix.empty()) {
    auto& last = prefix.back();
    if (static_cast<unsigned char>(last) != 0xff) {
      last = static_cast<char>(static_cast<unsigned char>(last) + 1);
      return prefix;
    }
    prefix.pop_back();
  }
  return prefix;
}

error from_rocksdb(const rocksdb::Status& s, std::string_view doing, std::string_view path) {
  const auto code = s.IsCorruption() ? errc::corrupt : s.IsNoSpace() ? errc::no_space : errc::io_error;
  return {code, fmt::format("{} the state in {}: {}", doing, path, s.ToString()), {}};
}

rocksdb::ColumnFamilyOptions family_options() {
  rocksdb::ColumnFamilyOptions o;
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.format_version = 5;
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  o.compression = rocksdb::kLZ4Compression;
  o.write_buffer_size = std::size_t{32} << 20;
  return o;
}

}  // namespace

struct state_store::impl {
  std::string path;
  std::size_t view_rows = 0;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  bool clean = false;

  // Rows and the next order number per shard and view, learnt on first use.
  struct table_count {
    std::uint64_t rows = 0, next_sequence = 0;
  };
  std::mutex counts_mutex;
  std::map<std::string, table_count> counts;

  ~impl() {
    for (auto* f : families) db->DestroyColumnFamilyHandle(f);
    if (db) db->Close();
  }

  rocksdb::ColumnFamilyHandle* cf(family f) { return families[f]; }

  // After a full disk RocksDB refuses all writes until it is told to go on.
  rocksdb::Status write(rocksdb::WriteBatch& batch) {
    auto s = db->Write({}, &batch);
    if (!s.IsNoSpace() || !db->Resume().ok()) return s;
    return db->Write({}, &batch);
  }

  result<std::optional<std::string>> read(family f, const std::string& key) {
    std::string value;
    auto s = db->Get({}, cf(f), key, &value);
    if (s.IsNotFound()) return std::nullopt;
    if (!s.ok()) return fail(from_rocksdb(s, "reading", path));
    return value;
  }

  result<std::int64_t> read_stamp(const std::string& key) {
    WEIR_TRY(value, read(meta_family, key));
    return value ? static_cast<std::int64_t>(read_big_endian(*value)) : 0;
  }

  // What one delta does to one view's table.
  struct table_writes {
    std::string_view view;
    std::string prefix;
    table_count* count = nullptr;
    std::vector<const view_row_change*> fresh;
    // Rows that were replaced, and what stands now: their sequence, none when deleted.
    std::map<std::string, std::optional<std::uint64_t>> replaced;
  };

  result<table_count*> count_of(int shard, std::string_view view);
  status replace_row(rocksdb::WriteBatch& batch, table_writes& table, const view_row_change& row);
  void put_row(rocksdb::WriteBatch& batch, const std::string& key, std::uint64_t sequence, std::string_view json);
  void put_fresh(rocksdb::WriteBatch& batch, table_writes& table);
  status write_rows(rocksdb::WriteBatch& batch, int shard, const std::vector<view_row_change>& rows);
  status evict(rocksdb::WriteBatch& batch, table_writes& table);
  error corrupt_run() const { return {errc::corrupt, fmt::format("the order of a view's rows in {}", path), {}}; }
  void wipe_range(rocksdb::WriteBatch& batch, const std::string& prefix, family f);
  result<bool> check_format();
  status read_run(std::vector<table_row>& out, const std::string& prefix, std::uint64_t first, std::string_view run,
                  const newest_scan& scan);
};

result<state_store::impl::table_count*> state_store::impl::count_of(int shard, std::string_view view) {
  const auto prefix = view_prefix(shard, view);
  if (auto it = counts.find(prefix); it != counts.end()) return &it->second;
  table_count c;
  std::unique_ptr<rocksdb::Iterator> it(db->NewIterator({}, cf(order_family)));
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    byte_reader run(it->value().ToStringView());
    const auto count = order_run::read_count(run);
    if (!run.ok()) return fail(corrupt_run());
    c.rows += count;
    c.next_sequence = read_big_endian(it->key().ToStringView().substr(prefix.size())) + count;
  }
  if (!it->status().ok()) return fail(from_rocksdb(it->status(), "reading", path));
  return &counts.emplace(prefix, c).first->second;
}

void state_store::impl::put_row(rocksdb::WriteBatch& batch, const std::string& key, std::uint64_t sequence,
                                std::string_view json) {
  const auto order = big_endian(sequence);
  const rocksdb::Slice key_slice(key), value[2] = {order, {json.data(), json.size()}};
  batch.Put(cf(rows_family), rocksdb::SliceParts(&key_slice, 1), rocksdb::SliceParts(value, 2));
}

// A row that may have an older one.
status state_store::impl::replace_row(rocksdb::WriteBatch& batch, table_writes& table, const view_row_change& row) {
  const auto key = table.prefix + std::string(row.key ? *row.key : big_endian(static_cast<std::uint64_t>(row.offset)));
  std::optional<std::uint64_t> old;
  if (auto it = table.replaced.find(key); it != table.replaced.end()) {
    old = it->second;
  } else {
    WEIR_TRY(stored, read(rows_family, key));
    if (stored) old = read_big_endian(*stored);
  }
  if (old) {
    batch.Delete(cf(order_family), table.prefix + big_endian(*old));
    --table.count->rows;
  }
  if (!row.value) {
    batch.Delete(cf(rows_family), key);
    table.replaced[key] = std::nullopt;
    return {};
  }
  const auto sequence = table.count->next_sequence++;
  ++table.count->rows;
  put_row(batch, key, sequence, *row.value);
  order_run alone;
  alone.add(std::string_view(key).substr(table.prefix.size()), row.time_us);
  batch.Put(cf(order_family), table.prefix + big_endian(sequence), alone.value());
  table.replaced[key] = sequence;
  return {};
}

void state_store::impl::put_fresh(rocksdb::WriteBatch& batch, table_writes& table) {
  struct placed {
    std::string key;
    std::uint64_t sequence;
    std::string_view json;
  };
  std::vector<placed> rows;
  rows.reserve(table.fresh.size());
  auto& next = table.count->next_sequence;
  for (std::size_t i = 0; i < table.fresh.size();) {
    order_run run;
    const auto first = next;
    for (; i < table.fresh.size() && run.count() < run_rows; ++i) {
      const auto& row = *table.fresh[i];
      auto key = table.prefix;
      row.key ? key.append(*row.key) : key.append(big_endian(static_cast<std::uint64_t>(row.offset)));
      run.add(std::string_view(key).substr(table.prefix.size()), row.time_us);
      rows.push_back({std::move(key), next++, *row.value});
    }
    batch.Put(cf(order_family), table.prefix + big_endian(first), run.value());
  }
  table.count->rows += rows.size();
  // A memtable takes neighbours faster.
  std::ranges::sort(rows, {}, &placed::key);
  for (const auto& r : rows) put_row(batch, r.key, r.sequence, r.json);
}

// Drops the oldest rows beyond the limit. Rows of this batch are the newest, so only stored ones are looked at; when
// the batch alone is over the limit, the next commit drops the rest.
status state_store::impl::evict(rocksdb::WriteBatch& batch, table_writes& table) {
  auto& count = *table.count;
  if (count.rows <= view_rows) return {};
  std::unique_ptr<rocksdb::Iterator> it(db->NewIterator({}, cf(order_family)));
  for (it->Seek(table.prefix); count.rows > view_rows && it->Valid() && it->key().starts_with(table.prefix);
       it->Next()) {
    byte_reader run(it->value().ToStringView());
    auto left = order_run::read_count(run);
    auto sequence = read_big_endian(it->key().ToStringView().substr(table.prefix.size()));
    order_run rest;
    for (; left > 0; --left, ++sequence) {
      const auto key = run.bytes();
      const auto time_us = run.zigzag();
      if (!run.ok()) return fail(corrupt_run());
      if (count.rows <= view_rows) {
        rest.add(key, time_us);
        continue;
      }
      const auto full = table.prefix + std::string(key);
      if (table.replaced.contains(full)) continue;  // replaced or deleted here: its order entry goes anyway
      batch.Delete(cf(rows_family), full);
      --count.rows;
    }
    batch.Delete(cf(order_family), it->key());
    if (rest.count() > 0) batch.Put(cf(order_family), table.prefix + big_endian(sequence - rest.count()), rest.value());
  }
  return it->status().ok() ? status{} : fail(from_rocksdb(it->status(), "reading", path));
}

status state_store::impl::write_rows(rocksdb::WriteBatch& batch, int shard, const std::vector<view_row_change>& rows) {
  std::vector<table_writes> tables;
  for (const auto& row : rows) {
    auto table = std::ranges::find(tables, row.view, &table_writes::view);
    if (table == tables.end()) {
      WEIR_TRY(count, count_of(shard, row.view));
      table = tables.insert(table, {row.view, view_prefix(shard, row.view), count, {}, {}});
    }
    if (row.fresh && row.value)
      table->fresh.push_back(&row);
    else
      WEIR_TRY_VOID(replace_row(batch, *table, row));
  }
  for (auto& t : tables) {
    put_fresh(batch, t);
    WEIR_TRY_VOID(evict(batch, t));
  }
  return {};
}

void state_store::impl::wipe_range(rocksdb::WriteBatch& batch, const std::string& prefix, family f) {
  batch.DeleteRange(cf(f), prefix, prefix_end(prefix));
}

// Answers whether the store is new.
result<bool> state_store::impl::check_format() {
  WEIR_TRY(found, read(meta_family, format_key));
  if (found == format) return false;
  rocksdb::WriteBatch batch;
  bool is_new = true;
  for (auto* f : families) {
    std::unique_ptr<rocksdb::Iterator> last(db->NewIterator({}, f));
    last->SeekToLast();
    if (!last->status().ok()) return fail(from_rocksdb(last->status(), "reading", path));
    if (!last->Valid()) continue;
    is_new = false;
    batch.DeleteRange(f, "", last->key().ToString() + '\0');
  }
  batch.Put(cf(meta_family), format_key, format);
  auto s = db->Write({}, &batch);
  if (!s.ok()) return fail(from_rocksdb(s, "wiping", path));
  return is_new;
}

state_store::state_store(std::unique_ptr<impl> i) : impl_(std::move(i)) {}
state_store::~state_store() = default;

result<std::unique_ptr<state_store>> state_store::open(const std::string& path, std::size_t view_rows) {
  auto i = std::make_unique<impl>();
  i->path = path;
  i->view_rows = view_rows;
  rocksdb::DBOptions options;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.max_background_jobs = 2;
  options.info_log = quiet_rocks::logger();
  options.max_total_wal_size = std::size_t{64} << 20;  // bounds what an open replays
  options.avoid_flush_during_recovery = true;          // an open does not wait for files
  std::vector<rocksdb::ColumnFamilyDescriptor> families{{rocksdb::kDefaultColumnFamilyName, family_options()},
                                                        {"state", family_options()},
                                                        {"rows", family_options()},
                                                        {"order", family_options()}};
  rocksdb::DB* db = nullptr;
  auto s = rocksdb::DB::Open(options, path, families, &i->families, &db);
  if (!s.ok()) {
    auto e = from_rocksdb(s, "opening", path);
    if (s.IsIOError() && s.ToString().find("lock") != std::string::npos)
      e = {errc::unavailable, fmt::format("another process uses the state in {}", path),
           "stop the other node, or give this one another data_dir"};
    return fail(std::move(e));
  }
  i->db.reset(db);
  WEIR_TRY(is_new, i->check_format());
  WEIR_TRY(clean, i->read(meta_family, clean_key));
  i->clean = clean.has_value() || is_new;
  if (auto d = i->db->Delete({}, i->cf(meta_family), clean_key); !d.ok()) return fail(from_rocksdb(d, "marking", path));
  return std::unique_ptr<state_store>(new state_store(std::move(i)));
}

result<std::int64_t> state_store::changelog_stamp(int shard) { return impl_->read_stamp(shard_prefix(shard) + "s"); }

result<std::int64_t> state_store::view_stamp(int shard, std::string_view view) {
  return impl_->read_stamp(shard_prefix(shard) + "v" + std::string(view));
}

status state_store::apply(int shard, const state_delta& delta) {
  rocksdb::WriteBatch batch;
  const auto prefix = shard_prefix(shard);
  std::string key;
  for (const auto& c : delta.changes) {
    key.assign(prefix).append(c.key);
    if (c.value)
      batch.Put(impl_->cf(state_family), key, rocksdb::Slice(c.value->data(), c.value->size()));
    else
      batch.Delete(impl_->cf(state_family), key);
  }
  std::lock_guard lock(impl_->counts_mutex);
  if (auto written = impl_->write_rows(batch, shard, delta.rows); !written) {
    impl_->counts.clear();
    return written;
  }
  for (const auto& [view, next] : delta.view_next)
    batch.Put(impl_->cf(meta_family), prefix + "v" + view, big_endian(static_cast<std::uint64_t>(next)));
  batch.Put(impl_->cf(meta_family), prefix + "s", big_endian(static_cast<std::uint64_t>(delta.changelog_next)));
  auto s = impl_->write(batch);
  if (s.ok()) return {};
  impl_->counts.clear();
  return fail(from_rocksdb(s, "writing", impl_->path));
}

status state_store::load(int shard, std::string_view prefix,
                         const std::function<status(std::string_view, std::string_view)>& each) {
  const auto shard_key = shard_prefix(shard);
  const auto full = shard_key + std::string(prefix);
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator({}, impl_->cf(state_family)));
  for (it->Seek(full); it->Valid() && it->key().starts_with(full); it->Next())
    WEIR_TRY_VOID(each(it->key().ToStringView().substr(shard_key.size()), it->value().ToStringView()));
  return it->status().ok() ? status{} : fail(from_rocksdb(it->status(), "reading", impl_->path));
}

status state_store::wipe(int shard) {
  std::lock_guard lock(impl_->counts_mutex);
  impl_->counts.clear();
  const auto prefix = shard_prefix(shard);
  // In one piece: what a kill left without its stamp would stand beside what is rebuilt.
  rocksdb::WriteBatch batch;
  for (const auto f : {meta_family, state_family, rows_family, order_family}) impl_->wipe_range(batch, prefix, f);
  auto s = impl_->write(batch);
  return s.ok() ? status{} : fail(from_rocksdb(s, "wiping", impl_->path));
}

status state_store::wipe_view(int shard, std::string_view view) {
  std::lock_guard lock(impl_->counts_mutex);
  const auto prefix = view_prefix(shard, view);
  impl_->counts.erase(prefix);
  rocksdb::WriteBatch batch;
  impl_->wipe_range(batch, prefix, rows_family);
  impl_->wipe_range(batch, prefix, order_family);
  batch.Delete(impl_->cf(meta_family), shard_prefix(shard) + "v" + std::string(view));
  auto s = impl_->write(batch);
  return s.ok() ? status{} : fail(from_rocksdb(s, "wiping", impl_->path));
}

result<std::vector<table_row>> state_store::scan(int shard, std::string_view view, const table_scan& scan) {
  const auto prefix = view_prefix(shard, view);
  const auto lower = prefix + scan.from, upper = scan.to.empty() ? prefix_end(prefix) : prefix + scan.to;
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator({}, impl_->cf(rows_family)));
  std::vector<table_row> out;
  for (it->Seek(lower); it->Valid() && out.size() < scan.limit; it->Next()) {
    const auto key = it->key().ToStringView(), value = it->value().ToStringView();
    if (key >= upper) break;
    out.push_back({std::string(key.substr(prefix.size())), std::string(value.substr(8)), read_big_endian(value), 0});
  }
  if (!it->status().ok()) return fail(from_rocksdb(it->status(), "reading", impl_->path));
  return out;
}

// The rows of one run that are asked for, the last one first.
status state_store::impl::read_run(std::vector<table_row>& out, const std::string& prefix, std::uint64_t first,
                                   std::string_view run, const newest_scan& scan) {
  byte_reader in(run);
  std::vector<table_row> named;
  const auto count = order_run::read_count(in);
  for (std::uint64_t i = 0; i < count && in.ok() && first + i < scan.below; ++i) {
    const auto key = in.bytes();
    const auto time_us = in.zigzag();
    if (key >= scan.from && (scan.to.empty() || key < scan.to))
      named.push_back({std::string(key), {}, first + i, time_us});
  }
  if (!in.ok()) return fail(corrupt_run());
  for (auto row = named.rbegin(); row != named.rend() && out.size() < scan.limit; ++row) {
    WEIR_TRY(stored, read(rows_family, prefix + row->key));
    if (!stored || read_big_endian(*stored) != row->order) continue;  // replaced or dropped meanwhile
    row->json = stored->substr(8);
    out.push_back(std::move(*row));
  }
  return {};
}

result<std::vector<table_row>> state_store::newest(int shard, std::string_view view, const newest_scan& scan) {
  const auto prefix = view_prefix(shard, view), behind = prefix + big_endian(scan.below);
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator({}, impl_->cf(order_family)));
  std::vector<table_row> out;
  for (it->SeekForPrev(behind); it->Valid() && it->key().starts_with(prefix) && out.size() < scan.limit; it->Prev()) {
    const auto first = read_big_endian(it->key().ToStringView().substr(prefix.size()));
    WEIR_TRY_VOID(impl_->read_run(out, prefix, first, it->value().ToStringView(), scan));
  }
  if (!it->status().ok()) return fail(from_rocksdb(it->status(), "reading", impl_->path));
  return out;
}

result<std::optional<std::string>> state_store::get(int shard, std::string_view view, std::string_view key) {
  WEIR_TRY(value, impl_->read(rows_family, view_prefix(shard, view) + std::string(key)));
  if (value) value->erase(0, 8);
  return value;
}

result<std::uint64_t> state_store::row_count(int shard, std::string_view view) {
  std::lock_guard lock(impl_->counts_mutex);
  WEIR_TRY(count, impl_->count_of(shard, view));
  return count->rows;
}

bool state_store::was_clean() const { return impl_->clean; }

status state_store::mark_clean() {
  auto s = impl_->db->Put({}, impl_->cf(meta_family), clean_key, "1");
  if (s.ok()) s = impl_->db->FlushWAL(true);
  return s.ok() ? status{} : fail(from_rocksdb(s, "marking", impl_->path));
}

}  // namespace weir
