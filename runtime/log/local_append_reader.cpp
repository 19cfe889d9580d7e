#include <limits>

#include "runtime/fault/protocol_rules.hpp"
#include "runtime/log/local_keys.hpp"
#include "runtime/log/local_readers.hpp"

namespace weir::local {

namespace {

constexpr std::size_t small_batch_bytes = 64U << 10;
constexpr int small_batches_before_scan = 8;  // one by one is cheaper up to here, an iterator from here on

}  // namespace

result<std::int64_t> first_offset(local_store& store, topic_state& topic, int partition) {
  auto const& state = topic.partitions[static_cast<std::size_t>(partition)];
  auto const end = state.end.load();
  auto const upper = batch_key(partition + 1, 0);
  auto const upper_slice = slice(upper);
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper_slice;
  std::unique_ptr<rocksdb::Iterator> const found(store.db().NewIterator(read, topic.family.get()));
  found->Seek(batch_key(partition, 0));
  if (!found->status().ok()) {
    return fail(store.describe(found->status(), fmt::format("reading topic {}", topic.config.name)));
  }
  auto const first = found->Valid() ? std::min(end, get_i64(view(found->key()).substr(4))) : end;
  return state.jumps.reach_back(first);
}

append_reader::append_reader(std::shared_ptr<local_store> store, topic_ref topic, int partition, std::int64_t from)
    : store_(std::move(store)),
      topic_(std::move(topic)),
      state_(topic_->partitions[static_cast<std::size_t>(partition)]),
      partition_(partition),
      position_(from),
      lower_(batch_key(partition, 0)),
      upper_(batch_key(partition + 1, 0)),
      lower_slice_(slice(lower_)),
      upper_slice_(slice(upper_)) {}

result<std::vector<log_entry>> append_reader::fetch(std::size_t max_bytes) {
  if (topic_->dropped) return fail(errc::not_found, "topic {} was dropped", topic_->config.name);
  auto const end = state_.end.load(std::memory_order_acquire);
  std::vector<log_entry> out;
  std::size_t bytes = 0;
  small_batches_ = 0;
  while (out.empty() || bytes < max_bytes) {
    if (!cursor_) {
      WEIR_TRY(more, load(end));
      if (!more) break;
    }
    auto entry = cursor_->next();
    if (!entry) return fail(corrupt(entry.error()));
    bytes += entry->key.size() + entry->header.size() + (entry->value ? entry->value->size() : 0);
    position_ = entry->offset + 1;
    if (position_ == cursor_->end()) cursor_.reset();
    out.push_back(std::move(*entry));
  }
  if (cursor_ && scan_) WEIR_TRY_VOID(hold(view(scan_->value())));
  scan_.reset();
  return out;
}

result<bool> append_reader::load(std::int64_t end) {
  position_ = state_.jumps.skip(position_);
  if (position_ >= end) return false;
  if (small_batches_ >= small_batches_before_scan) {
    WEIR_TRY(found, load_next());
    if (found) return true;
  } else {
    WEIR_TRY(found, load_exactly());
    if (found) return true;
  }
  WEIR_TRY_VOID(load_around());
  return true;
}

result<bool> append_reader::load_exactly() {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  held_.Reset();
  auto const said = store_->db().Get(read, topic_->family.get(), slice(batch_key(partition_, position_)), &held_);
  if (said.IsNotFound()) return false;
  WEIR_TRY_VOID(checked(said));
  small_batches_ += held_.size() < small_batch_bytes ? 1 : 0;
  return begin(view(held_));
}

result<bool> append_reader::load_next() {
  if (scan_ && scan_->Valid()) {
    scan_->Next();
  } else {
    scan_ = iterate();
    scan_->Seek(slice(batch_key(partition_, position_)));
  }
  WEIR_TRY_VOID(checked(scan_->status()));
  if (!scan_->Valid() || get_i64(view(scan_->key()).substr(4)) != position_) {
    scan_.reset();
    return false;
  }
  return begin(view(scan_->value()));
}

status append_reader::load_around() {
  auto const found = iterate();
  found->SeekForPrev(slice(batch_key(partition_, position_)));
  WEIR_TRY_VOID(checked(found->status()));
  if (found->Valid()) {
    auto const around = stored_batch_cursor::open(view(found->value()));
    if (!around) return fail(corrupt(around.error()));
    if (around->end() > position_) return hold(view(found->value()));
    found->Next();
  } else {
    found->Seek(lower_slice_);
  }
  WEIR_TRY_VOID(checked(found->status()));
  auto const next = found->Valid() ? get_i64(view(found->key()).substr(4)) : state_.end.load();
  if (!rule_on(23) && found->Valid()) {
    position_ = next;
    return hold(view(found->value()));
  }
  return with_hint(fail(errc::offset_out_of_range,
                        "topic {}, partition {}: offset {} is no longer in the log, which goes on at {}: retention has "
                        "dropped what lies between",
                        topic_->config.name, partition_, position_, next),
                   "raise the topic's retention, or start again from the log's beginning");
}

// Copies a stored batch that its iterator will not outlive, and goes to position_ in it.
status append_reader::hold(std::string_view stored) {
  held_.Reset();
  held_.PinSelf(slice(stored));
  auto cursor = stored_batch_cursor::open(view(held_));
  if (!cursor) return fail(corrupt(cursor.error()));
  if (auto skipped = cursor->skip_to(position_); !skipped) return fail(corrupt(skipped.error()));
  cursor_ = *cursor;
  return {};
}

// Takes a stored batch that begins at position_.
result<bool> append_reader::begin(std::string_view stored) {
  auto const cursor = stored_batch_cursor::open(stored);
  if (!cursor) return fail(corrupt(cursor.error()));
  if (cursor->base() != position_)
    return fail(corrupt({errc::corrupt, fmt::format("a batch says {}", cursor->base()), {}}));
  cursor_ = *cursor;
  return true;
}

error append_reader::corrupt(const error& found) const {
  return checked(rocksdb::Status::Corruption(found.message)).error();
}

std::unique_ptr<rocksdb::Iterator> append_reader::iterate() {
  rocksdb::ReadOptions read;
  read.fill_cache = false;
  read.iterate_lower_bound = &lower_slice_;
  read.iterate_upper_bound = &upper_slice_;
  return std::unique_ptr<rocksdb::Iterator>(store_->db().NewIterator(read, topic_->family.get()));
}

status append_reader::checked(const rocksdb::Status& said) const {
  if (said.ok()) return {};
  return fail(store_->describe(
      said, fmt::format("reading topic {}, partition {}, offset {}", topic_->config.name, partition_, position_)));
}

}  // namespace weir::local
