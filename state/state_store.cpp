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

namespace weir {

namespace {

// Column families. A key begins with the shard (2 bytes, big-endian), so that one shard is one range.
enum family : std::size_t {
  meta_family,   // <shard> 's' -> changelog stamp; <shard> 'v' <view> -> view stamp; "clean"
  state_family,  // <shard> <state key> -> value
  rows_family,   // <shard> <view> 00 <row key> -> sequence (8 bytes) and the row's JSON
  order_family,  // <shard> <view> 00 <sequence, 8 bytes big-endian> -> row key: which rows are the oldest
};
constexpr const char* clean_key = "clean";

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
  // Most look-ups are for rows that are not there.
  o.memtable_prefix_bloom_size_ratio = 0.05;
  o.memtable_whole_key_filtering = true;
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

  result<table_count*> count_of(int shard, std::string_view view);
  status add_row(rocksdb::WriteBatch& batch, int shard, const view_row_change& row,
                 std::map<std::string, std::optional<std::uint64_t>>& in_batch);
  status evict(rocksdb::WriteBatch& batch, int shard, std::string_view view,
               const std::map<std::string, std::optional<std::uint64_t>>& in_batch);
  status wipe_range(const std::string& prefix, family f);
};

result<state_store::impl::table_count*> state_store::impl::count_of(int shard, std::string_view view) {
  const auto prefix = view_prefix(shard, view);
  if (auto it = counts.find(prefix); it != counts.end()) return &it->second;
  table_count c;
  std::unique_ptr<rocksdb::Iterator> it(db->NewIterator({}, cf(order_family)));
  for (it->Seek(prefix); it->Valid() && it->key().starts_with(prefix); it->Next()) {
    ++c.rows;
    c.next_sequence = read_big_endian(it->key().ToStringView().substr(prefix.size())) + 1;
  }
  if (!it->status().ok()) return fail(from_rocksdb(it->status(), "reading", path));
  return &counts.emplace(prefix, c).first->second;
}

status state_store::impl::add_row(rocksdb::WriteBatch& batch, int shard, const view_row_change& row,
                                  std::map<std::string, std::optional<std::uint64_t>>& in_batch) {
  const auto prefix = view_prefix(shard, row.view);
  const auto key = prefix + row.key;
  WEIR_TRY(count, count_of(shard, row.view));
  std::optional<std::uint64_t> old;
  if (auto it = in_batch.find(key); it != in_batch.end()) {
    old = it->second;
  } else {
    WEIR_TRY(stored, read(rows_family, key));
    if (stored) old = read_big_endian(*stored);
  }
  if (old) {
    batch.Delete(cf(order_family), prefix + big_endian(*old));
    --count->rows;
  }
  if (!row.value) {
    batch.Delete(cf(rows_family), key);
    in_batch[key] = std::nullopt;
    return {};
  }
  const auto sequence = count->next_sequence++;
  ++count->rows;
  batch.Put(cf(rows_family), key, big_endian(sequence) + *row.value);
  batch.Put(cf(order_family), prefix + big_endian(sequence), row.key);
  in_batch[key] = sequence;
  return {};
}

// Drops the oldest rows beyond the limit. Rows of this batch are the newest, so only stored ones are looked at; when
// the batch alone is over the limit, the next commit drops the rest.
status state_store::impl::evict(rocksdb::WriteBatch& batch, int shard, std::string_view view,
                                const std::map<std::string, std::optional<std::uint64_t>>& in_batch) {
  WEIR_TRY(count, count_of(shard, view));
  if (count->rows <= view_rows) return {};
  const auto prefix = view_prefix(shard, view);
  std::unique_ptr<rocksdb::Iterator> it(db->NewIterator({}, cf(order_family)));
  for (it->Seek(prefix); count->rows > view_rows && it->Valid() && it->key().starts_with(prefix); it->Next()) {
    const auto key = prefix + it->value().ToString();
    if (in_batch.contains(key)) continue;  // replaced or deleted here: its order entry goes anyway
    batch.Delete(cf(order_family), it->key());
    batch.Delete(cf(rows_family), key);
    --count->rows;
  }
  return it->status().ok() ? status{} : fail(from_rocksdb(it->status(), "reading", path));
}

status state_store::impl::wipe_range(const std::string& prefix, family f) {
  auto s = db->DeleteRange({}, cf(f), prefix, prefix_end(prefix));
  return s.ok() ? status{} : fail(from_rocksdb(s, "wiping", path));
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
  options.keep_log_file_num = 2;
  options.max_total_wal_size = std::size_t{256} << 20;
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
  WEIR_TRY(clean, i->read(meta_family, clean_key));
  i->clean = clean.has_value();
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
  std::map<std::string, std::optional<std::uint64_t>> in_batch;
  std::vector<std::string_view> views;
  for (const auto& row : delta.rows) {
    WEIR_TRY_VOID(impl_->add_row(batch, shard, row, in_batch));
    if (std::ranges::find(views, row.view) == views.end()) views.push_back(row.view);
  }
  for (const auto view : views) WEIR_TRY_VOID(impl_->evict(batch, shard, view, in_batch));
  for (const auto& [view, next] : delta.view_next)
    batch.Put(impl_->cf(meta_family), prefix + "v" + view, big_endian(static_cast<std::uint64_t>(next)));
  batch.Put(impl_->cf(meta_family), prefix + "s", big_endian(static_cast<std::uint64_t>(delta.changelog_next)));
  auto s = impl_->db->Write({}, &batch);
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
  for (const auto f : {meta_family, state_family, rows_family, order_family})
    WEIR_TRY_VOID(impl_->wipe_range(prefix, f));
  return {};
}

status state_store::wipe_view(int shard, std::string_view view) {
  std::lock_guard lock(impl_->counts_mutex);
  const auto prefix = view_prefix(shard, view);
  impl_->counts.erase(prefix);
  WEIR_TRY_VOID(impl_->wipe_range(prefix, rows_family));
  WEIR_TRY_VOID(impl_->wipe_range(prefix, order_family));
  auto s = impl_->db->Delete({}, impl_->cf(meta_family), shard_prefix(shard) + "v" + std::string(view));
  return s.ok() ? status{} : fail(from_rocksdb(s, "wiping", impl_->path));
}

result<std::vector<table_row>> state_store::scan(int shard, std::string_view view, const table_scan& scan) {
  const auto prefix = view_prefix(shard, view);
  const auto lower = prefix + scan.from, upper = scan.to.empty() ? prefix_end(prefix) : prefix + scan.to;
  std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator({}, impl_->cf(rows_family)));
  std::vector<table_row> out;
  if (scan.reverse) {
    it->SeekForPrev(upper);
    if (it->Valid() && it->key() == rocksdb::Slice(upper)) it->Prev();  // `to` itself is excluded
  } else {
    it->Seek(lower);
  }
  while (it->Valid() && out.size() < scan.limit) {
    const auto key = it->key().ToStringView();
    if (key < lower || key >= upper) break;
    out.push_back({std::string(key.substr(prefix.size())), std::string(it->value().ToStringView().substr(8))});
    scan.reverse ? it->Prev() : it->Next();
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
