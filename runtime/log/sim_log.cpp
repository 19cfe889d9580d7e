#include "runtime/log/sim_log.hpp"

#include <algorithm>

#include "runtime/log/log_checks.hpp"
#include "runtime/log/sim_store.hpp"

namespace weir {

namespace {

class sim_reader final : public log_reader {
 public:
  sim_reader(std::shared_ptr<sim_store> store, std::shared_ptr<sim_topic> topic, int partition, std::int64_t from)
      : store_(std::move(store)), topic_(std::move(topic)), partition_(partition), position_(from) {}
  result<std::vector<log_entry>> fetch(std::size_t max_bytes) override;
  std::int64_t position() const override { return position_; }

 private:
  status check(const sim_partition& held);

  std::shared_ptr<sim_store> store_;
  std::shared_ptr<sim_topic> topic_;
  int partition_;
  std::int64_t position_;
  std::int64_t safe_until_ = 0;  // from 0: what was dropped before the reading began deleted nothing that was read
};

status sim_reader::check(const sim_partition& held) {
  auto const& config = topic_->config;
  if (topic_->dropped) return fail(errc::not_found, "topic {} was dropped", config.name);
  auto const& on_fetch = store_->options.faults.on_fetch;
  if ((on_fetch && on_fetch(config.name, partition_, position_)) || store_->draw(store_->options.faults.read_error)) {
    return fail(errc::unavailable, "topic {}, partition {}: a simulated read error", config.name, partition_);
  }
  if (config.kind == topic_kind::compacted) {
    if (position_ == 0) {
      safe_until_ = held.horizon;
      return {};
    }
    WEIR_TRY_VOID(held.jumps.check(config.name, partition_, position_));
    if (held.horizon <= std::max(position_, safe_until_)) return {};
    return fail(errc::offset_out_of_range, "topic {}, partition {}: deletions between offset {} and {} are gone",
                config.name, partition_, position_, held.horizon);
  }
  WEIR_TRY_VOID(held.jumps.check(config.name, partition_, position_));
  if (position_ >= held.jumps.reach_back(held.start)) return {};
  return fail(errc::offset_out_of_range,
              "topic {}, partition {}: offset {} is no longer in the log, which starts at {}", config.name, partition_,
              position_, held.start);
}

result<std::vector<log_entry>> sim_reader::fetch(std::size_t max_bytes) {
  std::lock_guard const lock(store_->mutex);
  auto& held = topic_->partitions[static_cast<std::size_t>(partition_)];
  WEIR_TRY_VOID(check(held));
  if (held.fetches_until_visible > 0 && --held.fetches_until_visible == 0) held.visible = held.next;
  std::vector<log_entry> out;
  std::size_t bytes = 0;
  auto const limit = store_->draw(store_->options.faults.short_read) ? 1 : max_bytes;
  for (auto found = held.at(position_); found != held.entries.end() && (out.empty() || bytes < limit); ++found) {
    auto const& entry = found->entry;
    if (entry.offset >= held.visible) break;
    position_ = entry.offset + 1;
    if (found->replaced_by) continue;
    bytes += entry.key.size() + entry.header.size() + (entry.value ? entry.value->size() : 0);
    out.push_back(entry);
  }
  if (out.empty()) position_ = std::max(position_, held.visible);
  return out;
}

class sim_writer final : public log_writer {
 public:
  sim_writer(std::shared_ptr<sim_store> store, std::string id, std::uint64_t epoch)
      : store_(std::move(store)), id_(std::move(id)), epoch_(epoch) {}
  result<std::vector<std::int64_t>> commit(std::span<const log_append> batch) override;

 private:
  tl::unexpected<error> die(errc code, std::string_view why);

  std::shared_ptr<sim_store> store_;
  std::string id_;
  std::uint64_t epoch_;
  bool dead_ = false;
};

tl::unexpected<error> sim_writer::die(errc code, std::string_view why) {
  dead_ = true;
  return fail(code, "writer {}: {}", id_, why);
}

result<std::vector<std::int64_t>> sim_writer::commit(std::span<const log_append> batch) {
  std::lock_guard const lock(store_->mutex);
  if (dead_) return fail(errc::fenced, "writer {} is dead; open it again", id_);
  auto& writer = store_->writers[id_];
  if (writer.epoch != epoch_) return die(errc::fenced, "opened again by another owner");
  WEIR_TRY_VOID(store_->check(batch));
  switch (store_->draw_outcome(id_, batch)) {
    case sim_outcome::applied: return store_->apply(writer, batch);
    case sim_outcome::lost_reply:
      store_->apply(writer, batch);
      return die(errc::unknown_outcome, "a simulated lost reply");
    case sim_outcome::timed_out: return die(errc::unknown_outcome, "a simulated timeout");
    case sim_outcome::fenced: return die(errc::fenced, "a simulated fencing");
    case sim_outcome::rejected: return fail(errc::rejected, "writer {}: a simulated rejection", id_);
    case sim_outcome::no_space: return fail(errc::no_space, "writer {}: a simulated full disk", id_);
    case sim_outcome::unavailable: return fail(errc::unavailable, "writer {}: a simulated outage", id_);
  }
  return fail(errc::internal, "writer {}: an outcome that does not exist", id_);
}

}  // namespace

sim_log::sim_log(sim_log_options options) : store_(std::make_shared<sim_store>(std::move(options))) {}

std::size_t sim_log::max_entry_bytes() const { return store_->options.max_entry_bytes; }

status sim_log::create_topic(const topic_config& config) {
  WEIR_TRY_VOID(check_topic_config(config));
  std::lock_guard const lock(store_->mutex);
  if (auto const found = store_->topics.find(config.name); found != store_->topics.end()) {
    WEIR_TRY_VOID(check_same_topic(found->second->config, config));
    found->second->config = config;
    return {};
  }
  auto topic = std::make_shared<sim_topic>();
  topic->config = config;
  topic->partitions.resize(static_cast<std::size_t>(config.partitions));
  for (auto& partition : topic->partitions) partition.reserved = store_->options.reserve_offsets;
  store_->topics[config.name] = std::move(topic);
  return {};
}

status sim_log::drop_topic(std::string_view name) {
  std::lock_guard const lock(store_->mutex);
  auto const found = store_->topics.find(name);
  if (found == store_->topics.end()) return fail(errc::not_found, "the log has no topic {}", name);
  found->second->dropped = true;
  store_->topics.erase(found);
  return {};
}

result<std::vector<topic_config>> sim_log::topics() {
  std::lock_guard const lock(store_->mutex);
  std::vector<topic_config> all;
  for (auto const& [name, topic] : store_->topics) all.push_back(topic->config);
  return all;
}

namespace {

log_bounds bounds_of(const sim_topic& topic, const sim_partition& held) {
  if (topic.config.kind == topic_kind::compacted) return {held.horizon, held.visible};
  return {held.jumps.reach_back(held.start), held.visible};
}

}  // namespace

result<log_bounds> sim_log::bounds(std::string_view topic, int partition) {
  std::lock_guard const lock(store_->mutex);
  WEIR_TRY_VOID(store_->answers());
  WEIR_TRY(found, store_->find(topic, partition));
  return bounds_of(*found, found->partitions[static_cast<std::size_t>(partition)]);
}

result<std::unique_ptr<log_reader>> sim_log::read(std::string_view topic, int partition, std::int64_t from) {
  std::lock_guard const lock(store_->mutex);
  WEIR_TRY_VOID(store_->answers());
  WEIR_TRY(found, store_->find(topic, partition));
  auto const& held = found->partitions[static_cast<std::size_t>(partition)];
  if (found->config.kind == topic_kind::append || from != 0) {
    WEIR_TRY_VOID(held.jumps.check(topic, partition, from));
    WEIR_TRY_VOID(check_position(topic, partition, bounds_of(*found, held), from));
  }
  return std::make_unique<sim_reader>(store_, std::move(found), partition, from);
}

result<std::int64_t> sim_log::begin_of(std::string_view topic, int partition, std::int64_t offset) {
  std::lock_guard const lock(store_->mutex);
  WEIR_TRY(found, store_->find(topic, partition));
  return found->partitions[static_cast<std::size_t>(partition)].jumps.begin_of(offset);
}

result<std::unique_ptr<log_writer>> sim_log::open_writer(std::string_view id) {
  WEIR_TRY_VOID(check_writer_id(id));
  std::lock_guard const lock(store_->mutex);
  WEIR_TRY_VOID(store_->answers());
  auto& writer = store_->writers[std::string(id)];
  store_->show(writer);
  return std::make_unique<sim_writer>(store_, std::string(id), ++writer.epoch);
}

void sim_log::set_faults(sim_faults faults) {
  std::lock_guard const lock(store_->mutex);
  store_->random.seed(faults.seed);
  store_->options.faults = std::move(faults);
}

status sim_log::compact(std::string_view topic, bool drop_tombstones) {
  std::lock_guard const lock(store_->mutex);
  WEIR_TRY(found, store_->find(topic, 0));
  if (found->config.kind != topic_kind::compacted) {
    return fail(errc::invalid_argument, "topic {} is an append topic: use truncate", topic);
  }
  for (auto& partition : found->partitions) store_->compact(partition, drop_tombstones);
  return {};
}

status sim_log::truncate(std::string_view topic, int partition, std::int64_t new_start) {
  std::lock_guard const lock(store_->mutex);
  WEIR_TRY(found, store_->find(topic, partition));
  if (found->config.kind != topic_kind::append) {
    return fail(errc::invalid_argument, "topic {} is compacted: use compact", topic);
  }
  auto& held = found->partitions[static_cast<std::size_t>(partition)];
  WEIR_TRY_VOID(check_position(topic, partition, bounds_of(*found, held), new_start));
  held.entries.erase(held.entries.begin(), held.at(new_start));
  held.start = new_start;
  return {};
}

status sim_log::lose_tail(std::uint64_t commits) {
  std::lock_guard const lock(store_->mutex);
  if (commits > std::min(max_lost_commits, store_->last_commit)) {
    return fail(errc::invalid_argument, "can't lose {} of {} commits; at most the last {}", commits,
                store_->last_commit, max_lost_commits);
  }
  auto const last_kept = store_->last_commit - commits;
  for (auto& [name, topic] : store_->topics) {
    for (auto& partition : topic->partitions) store_->lose(partition, last_kept);
  }
  for (auto& [id, writer] : store_->writers) {
    ++writer.epoch;
    writer.unseen.clear();
  }
  return {};
}

result<std::vector<log_entry>> sim_log::dump(std::string_view topic, int partition) {
  std::lock_guard const lock(store_->mutex);
  WEIR_TRY(found, store_->find(topic, partition));
  std::vector<log_entry> all;
  for (auto const& held : found->partitions[static_cast<std::size_t>(partition)].entries) {
    if (!held.replaced_by) all.push_back(held.entry);
  }
  return all;
}

std::uint64_t sim_log::commits() const {
  std::lock_guard const lock(store_->mutex);
  return store_->last_commit;
}

}  // namespace weir
