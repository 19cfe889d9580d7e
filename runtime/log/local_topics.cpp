#include "runtime/log/local_keys.hpp"
#include "runtime/log/local_rocks.hpp"
#include "runtime/log/local_store.hpp"
#include "runtime/log/log_checks.hpp"

namespace weir::local {

namespace {

constexpr std::size_t max_topics = 4096;

}  // namespace

topic_ref local_store::find(std::string_view name) {
  std::shared_lock const lock(catalogue_);
  auto const found = topics_.find(name);
  return found == topics_.end() ? nullptr : found->second;
}

std::vector<topic_config> local_store::topics() {
  std::shared_lock const lock(catalogue_);
  std::vector<topic_config> all;
  for (auto const& [name, topic] : topics_) all.push_back(topic->config);
  return all;
}

result<family_handle> local_store::make_family(std::uint32_t id, const topic_config& config) {
  rocksdb::ColumnFamilyHandle* handle = nullptr;
  auto const said = db_->CreateColumnFamily(append_options(options_, config), append_family_name(id, config), &handle);
  if (!said.ok()) return fail(describe(said, "creating topic " + config.name));
  return own(handle);
}

status local_store::create_topic(const topic_config& config) {
  WEIR_TRY_VOID(check_topic_config(config));
  turn const held(*this);
  WEIR_TRY_VOID(writable());
  auto topic = find(config.name);
  if (topic) {
    WEIR_TRY_VOID(check_same_topic(topic->config, config));
    if (topic->config == config) return {};
    if (config.kind == topic_kind::append) {
      auto const said = db_->SetOptions(topic->family.get(), retention_settings(config));
      if (!said.ok()) return fail(describe(said, "changing the retention of topic " + config.name));
    }
    put(meta_.get(), meta_key(meta::topic, config.name), encode_topic(topic->id, config));
    WEIR_TRY_VOID(write(true, "changing topic " + config.name));
    std::unique_lock const lock(catalogue_);
    topic->config.retention_ms = config.retention_ms;
    topic->config.retention_bytes = config.retention_bytes;
    return {};
  }
  if (topics_.size() >= max_topics)
    return fail(errc::limit_exceeded, "the log has {} topics, the most it takes", max_topics);
  WEIR_TRY_VOID(check_space(0));
  topic = std::make_shared<topic_state>();
  topic->id = next_topic_id_++;
  topic->config = config;
  topic->partitions.resize(static_cast<std::size_t>(config.partitions));
  if (config.kind == topic_kind::append) {
    WEIR_TRY(family, make_family(topic->id, config));
    topic->family = std::move(family);
  }
  put(meta_.get(), meta::next_topic_id_key, i64_bytes(next_topic_id_));
  put(meta_.get(), meta_key(meta::topic, config.name), encode_topic(topic->id, config));
  for (int partition = 0; partition < config.partitions; ++partition) {
    topic->partitions[static_cast<std::size_t>(partition)].reserved = options_.reserve_offsets;
    put(meta_.get(), meta_key(meta::reserved, topic->id, partition), i64_bytes(options_.reserve_offsets));
  }
  WEIR_TRY_VOID(write(true, "creating topic " + config.name));
  std::unique_lock const lock(catalogue_);
  topics_[config.name] = std::move(topic);
  return {};
}

status local_store::drop_topic(std::string_view name) {
  turn const held(*this);
  WEIR_TRY_VOID(writable());
  auto const topic = find(name);
  if (!topic) return fail(errc::not_found, "the log has no topic {}", name);
  batch_.Delete(meta_.get(), meta_key(meta::topic, name));
  auto const first = partition_key(topic->id, 0);
  auto const last = partition_key(topic->id + 1, 0);
  for (char const tag : {meta::next, meta::reserved, meta::horizon, meta::jump}) {
    batch_.DeleteRange(meta_.get(), tag + first, tag + last);
  }
  if (topic->config.kind == topic_kind::compacted) {
    for (auto* family : {keyed_.get(), recent_.get(), tombstones_.get()}) batch_.DeleteRange(family, first, last);
  }
  WEIR_TRY_VOID(write(true, fmt::format("dropping topic {}", name)));
  topic->dropped = true;
  {
    std::unique_lock const lock(catalogue_);
    topics_.erase(topics_.find(name));
  }
  if (!topic->family) return {};
  // The catalogue no longer knows it: if this fails, the next open drops the family.
  auto const said = db_->DropColumnFamily(topic->family.get());
  if (!said.ok()) return fail(describe(said, fmt::format("dropping topic {}", name)));
  return {};
}

}  // namespace weir::local
