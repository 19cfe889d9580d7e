#include <algorithm>

#include "runtime/log/local_keys.hpp"
#include "runtime/log/local_readers.hpp"

namespace weir::local {

namespace {

constexpr std::size_t most_values_at_once = 128;
constexpr std::size_t located_overhead = 48;  // what a located key takes in memory beside its bytes

}  // namespace

keyed_reader::keyed_reader(std::shared_ptr<local_store> store, topic_ref topic, int partition, std::int64_t from)
    : store_(std::move(store)),
      topic_(std::move(topic)),
      state_(topic_->partitions[static_cast<std::size_t>(partition)]),
      partition_(partition),
      position_(from),
      from_start_(from == 0) {}

result<std::vector<log_entry>> keyed_reader::fetch(std::size_t max_bytes) {
  if (topic_->dropped) return fail(errc::not_found, "topic {} was dropped", topic_->config.name);
  auto const end = state_.end.load(std::memory_order_acquire);
  std::vector<log_entry> out;
  while (out.empty() && position_ < end) {
    if (from_start_ && safe_until_ == 0) safe_until_ = end;
    auto const read_from = position_;
    if (scanned_next_ < scanned_.size()) {
      WEIR_TRY_VOID(drain_scan(max_bytes, out));
    } else if (position_ < scan_end_) {
      WEIR_TRY_VOID(scan(scan_end_));
    } else {
      WEIR_TRY(indexed, tail(end, max_bytes, out));
      if (!indexed) WEIR_TRY_VOID(scan(end));
    }
    // Looked at after the reading: a removal raises the horizon before it happens.
    if (auto passed = check_horizon(read_from); !passed) {
      position_ = read_from;
      return fail(std::move(passed).error());
    }
  }
  return out;
}

status keyed_reader::check_horizon(std::int64_t position) const {
  auto const horizon = state_.horizon.load();
  if (horizon <= std::max(position, safe_until_)) return {};
  return with_hint(fail(errc::offset_out_of_range,
                        "topic {}, partition {}: deletions between offset {} and {} are no longer in the log",
                        topic_->config.name, partition_, position, horizon),
                   "start again from offset 0");
}

result<bool> keyed_reader::tail(std::int64_t end, std::size_t max_bytes, std::vector<log_entry>& out) {
  auto const prefix = partition_key(topic_->id, partition_);
  auto const upper = offset_key(topic_->id, partition_, end);
  auto const upper_slice = slice(upper);
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper_slice;
  std::unique_ptr<rocksdb::Iterator> const index(store_->db().NewIterator(read, store_->recent()));
  // Looked at after the iterator was made: trimming raises index_start before it removes anything.
  if (position_ < state_.index_start.load()) return false;
  std::size_t bytes = 0;
  std::vector<located> found;
  index->Seek(slice(offset_key(topic_->id, partition_, position_)));
  while (out.empty() || bytes < max_bytes) {
    found.clear();
    auto const group = group_size(max_bytes - std::min(bytes, max_bytes));
    for (; index->Valid() && found.size() < group; index->Next()) {
      found.push_back({get_i64(view(index->key()).substr(prefix.size())), index->value().ToString()});
    }
    if (!index->status().ok()) return fail(store_->describe(index->status(), "reading the recent index"));
    if (found.empty()) {
      position_ = end;
      break;
    }
    WEIR_TRY_VOID(read_values(found, out, bytes));
    position_ = found.back().offset + 1;
  }
  return true;
}

status keyed_reader::scan(std::int64_t end) {
  scanned_.clear();
  scanned_next_ = 0;
  scan_end_ = end;
  pass_end_ = end;
  auto const prefix = partition_key(topic_->id, partition_);
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  std::unique_ptr<rocksdb::Iterator> const all(store_->db().NewIterator(read, store_->keyed()));
  std::size_t bytes = 0;
  auto const cost = [](const located& entry) { return entry.key.size() + located_overhead; };
  auto const lower_offset = [](const located& left, const located& right) { return left.offset < right.offset; };
  for (all->Seek(prefix); all->Valid() && all->key().starts_with(prefix); all->Next()) {
    WEIR_TRY(stored, decode_keyed(view(all->value())));
    if (stored.offset < position_ || stored.offset >= pass_end_) continue;
    scanned_.push_back({stored.offset, std::string(view(all->key()).substr(prefix.size()))});
    bytes += cost(scanned_.back());
    if (bytes <= store_->options().scan_bytes || scanned_.size() < 2) continue;
    // Too many for one pass: the lower half of the offsets stays, the rest is for the next one.
    auto const middle = scanned_.begin() + static_cast<std::ptrdiff_t>(scanned_.size() / 2);
    std::nth_element(scanned_.begin(), middle, scanned_.end(), lower_offset);
    pass_end_ = middle->offset;
    scanned_.erase(middle, scanned_.end());
    bytes = 0;
    for (auto const& entry : scanned_) bytes += cost(entry);
  }
  if (!all->status().ok()) return fail(store_->describe(all->status(), "reading topic " + topic_->config.name));
  std::sort(scanned_.begin(), scanned_.end(), lower_offset);
  if (scanned_.empty()) position_ = pass_end_;
  return {};
}

status keyed_reader::drain_scan(std::size_t max_bytes, std::vector<log_entry>& out) {
  std::size_t bytes = 0;
  while (scanned_next_ < scanned_.size() && (out.empty() || bytes < max_bytes)) {
    auto const group = std::min(group_size(max_bytes - std::min(bytes, max_bytes)), scanned_.size() - scanned_next_);
    std::span<const located> const found(scanned_.data() + scanned_next_, group);
    WEIR_TRY_VOID(read_values(found, out, bytes));
    scanned_next_ += group;
    position_ = found.back().offset + 1;
  }
  if (scanned_next_ < scanned_.size()) return {};
  scanned_ = {};
  scanned_next_ = 0;
  position_ = pass_end_;
  return {};
}

status keyed_reader::read_values(std::span<const located> found, std::vector<log_entry>& out, std::size_t& bytes) {
  std::vector<std::string> keys;
  std::vector<rocksdb::Slice> slices;
  keys.reserve(found.size());
  for (auto const& entry : found)
    slices.push_back(slice(keys.emplace_back(keyed_key(topic_->id, partition_, entry.key))));
  std::vector<rocksdb::PinnableSlice> values(found.size());
  std::vector<rocksdb::Status> said(found.size());
  store_->db().MultiGet(rocksdb::ReadOptions{}, store_->keyed(), found.size(), slices.data(), values.data(),
                        said.data());
  std::size_t read_bytes = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (said[i].IsNotFound()) continue;
    if (!said[i].ok()) return fail(store_->describe(said[i], "reading topic " + topic_->config.name));
    read_bytes += values[i].size();
    WEIR_TRY(stored, decode_keyed(view(values[i])));
    if (stored.offset != found[i].offset) continue;
    log_entry entry{stored.offset, found[i].key, std::nullopt, std::string(stored.header), stored.timestamp_us};
    if (!stored.tombstone) entry.value.emplace(stored.value);
    bytes += entry.key.size() + stored.header.size() + stored.value.size();
    out.push_back(std::move(entry));
  }
  usual_bytes_ = std::max<std::size_t>(64, (usual_bytes_ + read_bytes / found.size()) / 2);
  return {};
}

std::size_t keyed_reader::group_size(std::size_t bytes_left) const {
  return std::clamp<std::size_t>(bytes_left / usual_bytes_, 1, most_values_at_once);
}

}  // namespace weir::local
