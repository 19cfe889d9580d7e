#include "runtime/log/local_keys.hpp"
#include "runtime/log/local_rocks.hpp"
#include "runtime/log/local_store.hpp"
#include "runtime/log/log_checks.hpp"

namespace weir::local {

namespace {

constexpr std::size_t group_bytes = 16U << 20;            // at most, unless one commit alone is larger
constexpr std::size_t kept_batch_capacity = 32U << 20;    // what the reused WriteBatch may keep
constexpr std::int64_t least_tombstones_per_purge = 256;  // so that purging keeps up and no commit waits long

}  // namespace

local_store::turn::turn(local_store& store) : store_(store) {
  std::unique_lock lock(store_.turn_mutex_);
  store_.turn_free_.wait(lock, [this] { return !store_.busy_; });
  store_.busy_ = true;
}

local_store::turn::~turn() {
  std::lock_guard const lock(store_.turn_mutex_);
  store_.busy_ = false;
  store_.turn_free_.notify_all();
}

void local_store::commit(prepared_commit& mine) {
  std::unique_lock lock(turn_mutex_);
  queue_.push_back(&mine);
  for (;;) {
    turn_free_.wait(lock, [&] { return mine.done || !busy_; });
    if (mine.done) return;
    busy_ = true;
    auto const group = take_group();
    lock.unlock();
    write_group(group);
    lock.lock();
    for (auto* commit : group) commit->done = true;
    busy_ = false;
    turn_free_.notify_all();
  }
}

std::vector<prepared_commit*> local_store::take_group() {
  std::vector<prepared_commit*> group;
  std::size_t bytes = 0;
  while (!queue_.empty() && (group.empty() || bytes + queue_.front()->bytes <= group_bytes)) {
    bytes += queue_.front()->bytes;
    group.push_back(queue_.front());
    queue_.pop_front();
  }
  return group;
}

void local_store::write_group(const std::vector<prepared_commit*>& group) {
  std::vector<prepared_commit*> staged;
  auto const may_write = writable();
  for (auto* commit : group) {
    commit->failure = refusal(*commit);
    if (!commit->failure && !may_write) commit->failure = may_write.error();
    if (commit->failure) continue;
    if (auto done = stage(*commit); !done) {
      // Its offsets are given and part of it may be staged: the whole group is left unwritten.
      stopped_ = std::move(done).error();
    }
    staged.push_back(commit);
  }
  if (staged.empty()) return;
  if (stopped_) {
    batch_.Clear();
    for (auto* commit : staged) commit->failure = stopped_;
    return;
  }
  if (auto done = write(sync_needed_ || options_.durability == log_durability::power, "writing a commit"); !done) {
    if (full_) take_back(staged);
    for (auto* commit : staged) {
      commit->failure =
          full_ ? *full_
                : error{errc::unknown_outcome, done.error().message, "open the log again and read what stands"};
    }
    return;
  }
  for (auto* commit : staged) {
    for (std::size_t i = 0; i < commit->offsets.size(); ++i)
      commit->offsets[i] += commit->parts[commit->part_of[i]].base;
    for (auto& part : commit->parts) {
      part.topic->partitions[static_cast<std::size_t>(part.partition)].end.store(part.base + part.count);
    }
  }
}

// A commit that met a full disk stands nowhere: readers did not see it, and before anything else is written, writable()
// has RocksDB write what they did see into files of its own and begin a new write-ahead log.
void local_store::take_back(const std::vector<prepared_commit*>& staged) {
  for (auto commit = staged.rbegin(); commit != staged.rend(); ++commit) {
    for (auto& part : (*commit)->parts) {
      auto& state = part.topic->partitions[static_cast<std::size_t>(part.partition)];
      state.next = part.base;
      state.reserved = part.reserved_before;
    }
  }
}

status local_store::writable() {
  if (stopped_) return fail(*stopped_);
  if (!full_) return {};
  WEIR_TRY_VOID(disk_.check(0));
  if (auto const said = db_->Resume(); !said.ok()) {
    full_ = describe(said, "going on after a full disk");
    full_->code = errc::no_space;
    return fail(*full_);
  }
  full_.reset();
  return {};
}

std::optional<error> local_store::refusal(const prepared_commit& commit) const {
  if (auto const owner = epochs_.find(*commit.writer_id); owner == epochs_.end() || owner->second != commit.epoch) {
    return error{errc::fenced, fmt::format("writer {} was opened again by another owner", *commit.writer_id), {}};
  }
  for (auto const& part : commit.parts) {
    if (part.topic->dropped) return unknown_topic(part.topic->config.name);
  }
  return stopped_;
}

status local_store::stage(prepared_commit& commit) {
  for (auto& part : commit.parts) {
    auto& state = part.topic->partitions[static_cast<std::size_t>(part.partition)];
    part.base = state.next;
    part.reserved_before = state.reserved;
    state.next += part.count;
    if (part.topic->config.kind == topic_kind::append) {
      stage_append(part);
    } else {
      WEIR_TRY_VOID(purge_tombstones(part));
      stage_keyed(part, commit.entries);
      trim_index(*part.topic, part.partition);
    }
    put(meta_.get(), meta_key(meta::next, part.topic->id, part.partition), i64_bytes(state.next));
    if (state.next > state.reserved) {
      state.reserved = state.next + options_.reserve_offsets;
      put(meta_.get(), meta_key(meta::reserved, part.topic->id, part.partition), i64_bytes(state.reserved));
      sync_needed_ = true;
    }
  }
  return {};
}

void local_store::stage_append(partition_part& part) {
  auto offset = part.base;
  for (auto& stored : part.batches) {
    put(part.topic->family.get(), batch_key(part.partition, offset), stored.finish(offset));
    offset += stored.count();
  }
}

void local_store::stage_keyed(partition_part& part, std::span<const log_append> entries) {
  auto const id = part.topic->id;
  auto offset = part.base;
  std::optional<std::int64_t> now;
  for (auto const at : part.entries) {
    auto const& entry = entries[at];
    keyed_value const stored{offset, entry.timestamp_us, !entry.value.has_value(), entry.header,
                             entry.value.value_or(std::string_view{})};
    put(keyed_.get(), keyed_key(id, part.partition, entry.key), encode_keyed(stored));
    put(recent_.get(), offset_key(id, part.partition, offset), entry.key);
    if (stored.tombstone) {
      if (!now) now = options_.now_ms();
      put(tombstones_.get(), offset_key(id, part.partition, offset), i64_bytes(*now).append(entry.key));
      auto& oldest = part.topic->partitions[static_cast<std::size_t>(part.partition)].oldest_tombstone_ms;
      if (!oldest) oldest = now;
    }
    ++offset;
  }
}

// Removes tombstones that are old enough, and raises the horizon over them in the same transaction.
status local_store::purge_tombstones(partition_part& part) {
  auto& state = part.topic->partitions[static_cast<std::size_t>(part.partition)];
  if (!state.oldest_tombstone_ms) return {};
  auto const keep_from = options_.now_ms() - options_.tombstone_keep_ms;
  if (*state.oldest_tombstone_ms > keep_from) return {};
  auto const id = part.topic->id;
  auto const first = partition_key(id, part.partition);
  auto const last = offset_key(id, part.partition, part.base);
  auto const upper = slice(last);
  rocksdb::ReadOptions read;
  read.iterate_upper_bound = &upper;
  std::unique_ptr<rocksdb::Iterator> const found(db_->NewIterator(read, tombstones_.get()));
  std::int64_t horizon = 0;
  auto budget = 2 * part.count + least_tombstones_per_purge;
  state.oldest_tombstone_ms.reset();
  for (found->Seek(first); found->Valid(); found->Next()) {
    auto const record = view(found->value());
    if (record.size() < 8) return fail(errc::corrupt, "{}: a tombstone's record is cut", options_.path.string());
    if (get_i64(record) > keep_from || --budget < 0) {
      state.oldest_tombstone_ms = get_i64(record);
      break;
    }
    auto const offset = get_i64(view(found->key()).substr(partition_key_bytes));
    auto const key = keyed_key(id, part.partition, record.substr(8));
    std::string stored;
    auto const got = db_->Get(rocksdb::ReadOptions{}, keyed_.get(), key, &stored);
    if (!got.ok() && !got.IsNotFound()) return fail(describe(got, "reading a tombstone"));
    if (got.ok()) {
      WEIR_TRY(entry, decode_keyed(stored));
      if (entry.offset == offset) {
        batch_.Delete(keyed_.get(), key);
        horizon = offset + 1;
      }
    }
    batch_.Delete(tombstones_.get(), found->key());
  }
  if (!found->status().ok()) return fail(describe(found->status(), "reading tombstones"));
  if (horizon > 0) {
    put(meta_.get(), meta_key(meta::horizon, id, part.partition), i64_bytes(horizon));
    state.horizon.store(horizon);
  }
  return {};
}

void local_store::trim_index(topic_state& topic, int partition) {
  auto& state = topic.partitions[static_cast<std::size_t>(partition)];
  auto const start = state.index_start.load();
  if (state.next - start <= 2 * options_.recent_index_entries) return;
  auto const new_start = state.next - options_.recent_index_entries;
  batch_.DeleteRange(recent_.get(), offset_key(topic.id, partition, start), offset_key(topic.id, partition, new_start));
  state.index_start.store(new_start);
}

void local_store::put(rocksdb::ColumnFamilyHandle* family, std::string_view key, std::string_view value) {
  batch_.Put(family, slice(key), slice(value));
}

// Writes and clears the staged batch. After a failure the log takes no more writes: what failed may stand in the
// write-ahead log all the same, so that offsets given anew could meet it at the next open. A full disk is no such
// failure: RocksDB goes on when there is room (writable()).
status local_store::write(bool sync, std::string_view doing) {
  rocksdb::WriteOptions how;
  how.sync = sync;
  auto const said = db_->Write(how, &batch_);
  batch_.Clear();
  if (batch_.Data().capacity() > kept_batch_capacity) batch_ = rocksdb::WriteBatch();
  sync_needed_ = false;
  if (said.ok()) return {};
  if (said.IsNoSpace()) {
    full_ = describe(said, doing);
    return fail(*full_);
  }
  stopped_ = describe(said, doing);
  stopped_->hint = "repair the disk and start again: the log takes no more writes";
  return fail(*stopped_);
}

result<std::int64_t> local_store::open_writer(const std::string& id) {
  turn const held(*this);
  WEIR_TRY_VOID(writable());
  auto const epoch = epochs_[id] + 1;
  put(meta_.get(), meta_key(meta::writer, id), i64_bytes(epoch));
  WEIR_TRY_VOID(write(true, "opening a writer"));
  epochs_[id] = epoch;
  return epoch;
}

}  // namespace weir::local
