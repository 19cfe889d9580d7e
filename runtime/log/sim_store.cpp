#include "runtime/log/sim_store.hpp"

#include <algorithm>

#include "runtime/log/log_checks.hpp"

namespace weir {

namespace {

constexpr std::uint64_t most_fetches_until_visible = 4;

}  // namespace

std::deque<sim_entry>::iterator sim_partition::at(std::int64_t offset) {
  return std::lower_bound(entries.begin(), entries.end(), offset,
                          [](const sim_entry& held, std::int64_t wanted) { return held.entry.offset < wanted; });
}

sim_store::sim_store(sim_log_options given) : options(std::move(given)), random(options.faults.seed) {}

result<std::shared_ptr<sim_topic>> sim_store::find(std::string_view topic, int partition) {
  auto const found = topics.find(topic);
  if (found == topics.end() || partition < 0 || partition >= found->second->config.partitions) {
    return fail(no_such_partition(topic, partition));
  }
  return found->second;
}

bool sim_store::draw(double probability) {
  if (probability <= 0) return false;
  return static_cast<double>(random() >> 11) * 0x1p-53 < probability;
}

sim_outcome sim_store::draw_outcome(std::string_view writer_id, std::span<const log_append> batch) {
  auto const& faults = options.faults;
  if (faults.on_commit) return faults.on_commit(writer_id, batch);
  if (draw(faults.lost_reply)) return sim_outcome::lost_reply;
  if (draw(faults.timed_out)) return sim_outcome::timed_out;
  if (draw(faults.fenced)) return sim_outcome::fenced;
  if (draw(faults.rejected)) return sim_outcome::rejected;
  if (draw(faults.no_space)) return sim_outcome::no_space;
  if (draw(faults.unavailable)) return sim_outcome::unavailable;
  return sim_outcome::applied;
}

status sim_store::answers() {
  if (!draw(options.faults.unavailable)) return {};
  return fail(errc::unavailable, "a simulated outage");
}

status sim_store::check(std::span<const log_append> batch) const {
  for (auto const& entry : batch) {
    auto const topic = topics.find(entry.topic);
    if (topic == topics.end()) return fail(unknown_topic(entry.topic));
    WEIR_TRY_VOID(check_append(entry, topic->second->config, options.max_entry_bytes));
  }
  return {};
}

std::vector<std::int64_t> sim_store::apply(sim_writer_state& writer, std::span<const log_append> batch) {
  bool const late = draw(options.faults.late);
  show(writer);
  ++last_commit;
  std::vector<std::int64_t> offsets;
  for (auto const& append : batch) {
    auto const& topic = topics.find(append.topic)->second;
    auto& partition = topic->partitions[static_cast<std::size_t>(append.partition)];
    auto const offset = partition.next++;
    if (partition.next > partition.reserved) partition.reserved = partition.next + options.reserve_offsets;
    log_entry entry{offset, std::string(append.key), std::nullopt, std::string(append.header), append.timestamp_us};
    if (append.value) entry.value.emplace(*append.value);
    partition.entries.push_back({std::move(entry), last_commit, std::nullopt});
    offsets.push_back(offset);
    if (late) {
      if (writer.unseen.empty() || writer.unseen.back() != std::pair(topic, append.partition)) {
        writer.unseen.emplace_back(topic, append.partition);
      }
      partition.fetches_until_visible = static_cast<int>(1 + random() % most_fetches_until_visible);
    } else if (partition.fetches_until_visible == 0) {
      partition.visible = partition.next;
    }
  }
  return offsets;
}

void sim_store::show(sim_writer_state& writer) {
  for (auto const& [topic, at] : writer.unseen) {
    auto& partition = topic->partitions[static_cast<std::size_t>(at)];
    partition.visible = partition.next;
    partition.fetches_until_visible = 0;
  }
  writer.unseen.clear();
}

void sim_store::compact(sim_partition& partition, bool drop_tombstones) {
  // From the end: the next later entry of each key is the one that replaced it.
  std::map<std::string_view, std::uint64_t> later;
  for (auto held = partition.entries.rbegin(); held != partition.entries.rend(); ++held) {
    auto const [next, is_latest] = later.try_emplace(held->entry.key, held->commit);
    if (!is_latest) {
      if (!held->replaced_by) held->replaced_by = next->second;
      next->second = held->commit;
    }
  }
  std::erase_if(partition.entries, [&](const sim_entry& held) {
    if (held.replaced_by) return *held.replaced_by + sim_log::max_lost_commits <= last_commit;
    if (!drop_tombstones || held.entry.value || held.entry.offset >= partition.visible) return false;
    partition.horizon = std::max(partition.horizon, held.entry.offset + 1);
    return true;
  });
}

void sim_store::lose(sim_partition& partition, std::uint64_t last_kept_commit) {
  auto first_lost = partition.next;
  while (!partition.entries.empty() && partition.entries.back().commit > last_kept_commit) {
    first_lost = partition.entries.back().entry.offset;
    partition.entries.pop_back();
  }
  for (auto& held : partition.entries) {
    if (held.replaced_by && *held.replaced_by > last_kept_commit) held.replaced_by.reset();
  }
  partition.jumps.add(first_lost, partition.reserved);
  partition.next = partition.reserved;
  partition.visible = partition.next;
  partition.fetches_until_visible = 0;
  partition.reserved = partition.next + options.reserve_offsets;
}

}  // namespace weir
