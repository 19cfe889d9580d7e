#include <algorithm>

#include "runtime/log/local_keys.hpp"
#include "runtime/log/local_rocks.hpp"
#include "runtime/log/local_store.hpp"

namespace weir::local {

namespace {

constexpr std::int64_t format_version = 1;

std::filesystem::path database_path(const local_log_options& options) { return options.path / "rocksdb"; }

// RocksDB would make a new database beside the files of one that lost its CURRENT file.
status check_no_leftovers(const std::filesystem::path& database) {
  std::error_code failed;
  if (std::filesystem::exists(database / "CURRENT", failed)) return {};
  for (auto const& file : std::filesystem::directory_iterator(database, failed)) {
    auto const name = file.path().filename().string();
    if (name.starts_with("MANIFEST") || name.ends_with(".sst") || name.ends_with(".log")) {
      return with_hint(fail(errc::corrupt, "{}: there is {} but no file CURRENT", database.string(), name),
                       "restore the folder from a copy, or move it away to start empty");
    }
  }
  return {};
}

}  // namespace

local_store::local_store(local_log_options options)
    : options_(std::move(options)),
      disk_(options_.path, options_.disk_reserve_bytes, options_.free_bytes),
      boot_(options_.path / "weir.boot") {}

result<std::shared_ptr<local_store>> local_store::open(local_log_options options) {
  std::shared_ptr<local_store> store(new local_store(std::move(options)));
  auto const database = database_path(store->options_);
  std::error_code failed;
  std::filesystem::create_directory(store->options_.path, failed);
  if (!failed) std::filesystem::create_directory(database, failed);
  if (failed) return fail(errc::io_error, "{}: {}", database.string(), failed.message());
  WEIR_TRY_VOID(check_no_leftovers(database));
  WEIR_TRY(left, store->boot_.read(store->options_.boot_id, std::filesystem::exists(database / "CURRENT", failed)));
  auto const opened = [&]() -> status {
    WEIR_TRY_VOID(store->open_database(left));
    WEIR_TRY_VOID(store->load());
    if (left == last_end::power_failed) WEIR_TRY_VOID(store->jump_all());
    return store->boot_.write_running(store->options_.boot_id);
  }();
  if (!opened) {
    // What was found must not pass for a clean end.
    store->stopped_ = opened.error();
    return fail(opened.error());
  }
  return store;
}

status local_store::open_database(last_end left) {
  // Only a power failure may leave a hole in the write-ahead log; anywhere else one is damage, not an end.
  auto const recovery = left == last_end::power_failed ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                                                       : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  rocksdb::Options const all(database_options(options_, recovery), keyed_options(options_));
  auto const path = database_path(options_).string();
  std::vector<std::string> names;
  if (std::filesystem::exists(database_path(options_) / "CURRENT")) {
    auto const said = rocksdb::DB::ListColumnFamilies(all, path, &names);
    if (!said.ok()) return fail(describe(said, "opening"));
  }
  for (std::string const name :
       {rocksdb::kDefaultColumnFamilyName.c_str(), keyed_family, recent_family, tombstones_family}) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> families;
  for (auto const& name : names) {
    if (name.find('.') == std::string::npos) {
      families.emplace_back(name, keyed_options(options_));
      continue;
    }
    WEIR_TRY(family, parse_append_family(name));
    families.emplace_back(name, append_options(options_, family.retention));
    opened_with_[family.topic_id] = family.retention;
  }
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  auto const said = rocksdb::DB::Open(all, path, families, &handles, &db);
  if (!said.ok()) return fail(describe(said, "opening"));
  db_.reset(db);
  for (std::size_t i = 0; i < handles.size(); ++i) {
    auto handle = own(handles[i]);
    if (names[i] == rocksdb::kDefaultColumnFamilyName) {
      meta_ = std::move(handle);
    } else if (names[i] == keyed_family) {
      keyed_ = std::move(handle);
    } else if (names[i] == recent_family) {
      recent_ = std::move(handle);
    } else if (names[i] == tombstones_family) {
      tombstones_ = std::move(handle);
    } else {
      WEIR_TRY(family, parse_append_family(names[i]));
      unclaimed_[family.topic_id] = std::move(handle);
    }
  }
  return {};
}

family_handle local_store::own(rocksdb::ColumnFamilyHandle* handle) {
  return {handle, [db = db_.get()](rocksdb::ColumnFamilyHandle* held) { db->DestroyColumnFamilyHandle(held); }};
}

error local_store::describe(const rocksdb::Status& said, std::string_view doing) const {
  return rocks_error(said, options_.path, doing);
}

result<std::optional<std::int64_t>> local_store::read_number(const std::string& key) {
  std::string stored;
  auto const said = db_->Get(rocksdb::ReadOptions{}, meta_.get(), key, &stored);
  if (said.IsNotFound()) return std::optional<std::int64_t>{};
  if (!said.ok()) return fail(describe(said, "reading the catalogue"));
  WEIR_TRY(number, read_i64(stored, options_.path.string() + ": a number of the catalogue"));
  return std::optional(number);
}

status local_store::check_format() {
  WEIR_TRY(format, read_number(std::string(meta::format_key)));
  if (!format) {
    put(meta_.get(), meta::format_key, i64_bytes(format_version));
    return write(true, "opening");
  }
  if (*format != format_version) {
    return with_hint(fail(errc::unsupported, "{}: written in format {}; this version reads {}", options_.path.string(),
                          *format, format_version),
                     "use the version of weir that wrote it");
  }
  return {};
}

status local_store::load() {
  WEIR_TRY_VOID(check_format());
  WEIR_TRY(next_id, read_number(std::string(meta::next_topic_id_key)));
  next_topic_id_ = static_cast<std::uint32_t>(next_id.value_or(1));
  std::unique_ptr<rocksdb::Iterator> const found(db_->NewIterator(rocksdb::ReadOptions{}, meta_.get()));
  for (found->Seek(std::string(1, meta::topic)); found->Valid() && found->key()[0] == meta::topic; found->Next()) {
    WEIR_TRY_VOID(load_topic(view(found->key()).substr(1), view(found->value())));
  }
  for (found->Seek(std::string(1, meta::writer)); found->Valid() && found->key()[0] == meta::writer; found->Next()) {
    WEIR_TRY(epoch, read_i64(view(found->value()), options_.path.string() + ": a writer's epoch"));
    epochs_[std::string(view(found->key()).substr(1))] = epoch;
  }
  if (!found->status().ok()) return fail(describe(found->status(), "reading the catalogue"));
  return drop_orphans();
}

status local_store::load_topic(std::string_view name, std::string_view record) {
  WEIR_TRY(stored, decode_topic(name, record));
  auto topic = std::make_shared<topic_state>();
  topic->id = stored.id;
  topic->config = std::move(stored.config);
  topic->partitions.resize(static_cast<std::size_t>(topic->config.partitions));
  if (topic->config.kind == topic_kind::append) {
    auto const family = unclaimed_.find(topic->id);
    if (family == unclaimed_.end()) {
      return fail(errc::corrupt, "{}: topic {} has lost its column family", options_.path.string(), name);
    }
    topic->family = std::move(family->second);
    unclaimed_.erase(family);
    auto const& opened = opened_with_[topic->id];
    if (retention_settings(opened) != retention_settings(topic->config)) {
      auto const said = db_->SetOptions(topic->family.get(), retention_settings(topic->config));
      if (!said.ok()) return fail(describe(said, "setting the retention of topic " + topic->config.name));
    }
  }
  for (int partition = 0; partition < topic->config.partitions; ++partition) {
    WEIR_TRY_VOID(load_partition(*topic, partition));
  }
  topics_[topic->config.name] = std::move(topic);
  return {};
}

status local_store::load_partition(topic_state& topic, int partition) {
  auto& state = topic.partitions[static_cast<std::size_t>(partition)];
  WEIR_TRY(next, read_number(meta_key(meta::next, topic.id, partition)));
  WEIR_TRY(reserved, read_number(meta_key(meta::reserved, topic.id, partition)));
  WEIR_TRY(horizon, read_number(meta_key(meta::horizon, topic.id, partition)));
  state.next = next.value_or(0);
  state.reserved = reserved.value_or(-1);
  if (state.next > state.reserved) {
    return fail(errc::corrupt, "{}: topic {}, partition {}: next offset {} is beyond its reservation {}",
                options_.path.string(), topic.config.name, partition, state.next, state.reserved);
  }
  state.end = state.next;
  state.horizon = horizon.value_or(0);
  WEIR_TRY_VOID(load_jumps(topic, partition));
  return topic.config.kind == topic_kind::compacted ? load_index(topic, partition) : status{};
}

status local_store::load_jumps(topic_state& topic, int partition) {
  auto const prefix = meta_key(meta::jump, topic.id, partition);
  std::unique_ptr<rocksdb::Iterator> const found(db_->NewIterator(rocksdb::ReadOptions{}, meta_.get()));
  for (found->Seek(prefix); found->Valid() && found->key().starts_with(prefix); found->Next()) {
    auto const what = options_.path.string() + ": a lost range";
    WEIR_TRY(from, read_i64(view(found->key()).substr(prefix.size()), what));
    WEIR_TRY(to, read_i64(view(found->value()), what));
    topic.partitions[static_cast<std::size_t>(partition)].jumps.add(from, to);
  }
  if (!found->status().ok()) return fail(describe(found->status(), "reading the catalogue"));
  return {};
}

status local_store::load_index(topic_state& topic, int partition) {
  auto& state = topic.partitions[static_cast<std::size_t>(partition)];
  auto const prefix = partition_key(topic.id, partition);
  std::unique_ptr<rocksdb::Iterator> found(db_->NewIterator(rocksdb::ReadOptions{}, recent_.get()));
  found->Seek(prefix);
  state.index_start = state.next;
  if (found->Valid() && found->key().starts_with(prefix)) {
    state.index_start = get_i64(view(found->key()).substr(prefix.size()));
  }
  if (!found->status().ok()) return fail(describe(found->status(), "reading the recent index"));
  found.reset(db_->NewIterator(rocksdb::ReadOptions{}, tombstones_.get()));
  found->Seek(prefix);
  if (found->Valid() && found->key().starts_with(prefix)) {
    if (found->value().size() < 8)
      return fail(errc::corrupt, "{}: a tombstone's record is cut", options_.path.string());
    state.oldest_tombstone_ms = get_i64(view(found->value()));
  }
  if (!found->status().ok()) return fail(describe(found->status(), "reading tombstones"));
  return {};
}

// Families whose topic was never finished or no longer stands.
status local_store::drop_orphans() {
  for (auto const& [id, family] : unclaimed_) {
    auto const said = db_->DropColumnFamily(family.get());
    if (!said.ok()) return fail(describe(said, "dropping an unfinished topic"));
  }
  unclaimed_.clear();
  opened_with_.clear();
  return {};
}

// After a power failure: whatever was given out and not kept must never be given out again.
status local_store::jump_all() {
  for (auto const& [name, topic] : topics_) {
    for (int partition = 0; partition < topic->config.partitions; ++partition) {
      auto& state = topic->partitions[static_cast<std::size_t>(partition)];
      auto jump = meta_key(meta::jump, topic->id, partition);
      put_i64(jump, state.next);
      put(meta_.get(), jump, i64_bytes(state.reserved));
      state.jumps.add(state.next, state.reserved);
      state.next = state.reserved;
      state.reserved = state.next + options_.reserve_offsets;
      state.end = state.next;
      put(meta_.get(), meta_key(meta::next, topic->id, partition), i64_bytes(state.next));
      put(meta_.get(), meta_key(meta::reserved, topic->id, partition), i64_bytes(state.reserved));
    }
  }
  return write(true, "recording what a power failure took");
}

local_store::~local_store() { close(); }

void local_store::close() {
  if (!db_) return;
  bool const synced = !stopped_ && db_->SyncWAL().ok();
  topics_.clear();
  unclaimed_.clear();
  for (auto* family : {&meta_, &keyed_, &recent_, &tombstones_}) family->reset();
  bool const closed = db_->Close().ok();
  db_.reset();
  // Without this mark the next open takes the careful path, which is always right.
  if (synced && closed) static_cast<void>(boot_.write_closed(options_.boot_id));
}

}  // namespace weir::local
