#include "actors/node_log.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>

#include "actors/kafka_clients.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/log/kafka_log.hpp"
#include "runtime/log/local_log.hpp"

namespace weir {

namespace {

constexpr int syslog_warning = 4;
constexpr std::int64_t heartbeats_kept_ms = 3'600'000, heartbeats_kept_bytes = 64LL << 20;
constexpr std::chrono::milliseconds longest_mirror_wait{2'000};
constexpr std::size_t entry_slack = 64U << 10;  // stamps of the records beside their bytes

std::size_t largest_entry(const config& c) {
  return static_cast<std::size_t>(2 * c.log.max_record_bytes) + entry_slack;
}

local_log_options local_options(const config& c) {
  local_log_options o;
  o.path = std::filesystem::path(c.node.data_dir) / "log";
  o.durability = c.log.durability == "power" ? log_durability::power : log_durability::process;
  o.max_entry_bytes = largest_entry(c);
  o.disk_reserve_bytes = static_cast<std::uint64_t>(c.log.disk_reserve_bytes);
  return o;
}

result<kafka_log_options> kafka_options(const config& c) {
  using std::chrono::milliseconds;
  kafka_log_options o;
  o.brokers = c.kafka.brokers;
  o.prefix = c.node.app + ".";
  o.replication = static_cast<int>(c.kafka.replication);
  o.min_insync = static_cast<int>(c.kafka.min_insync);
  o.max_entry_bytes = largest_entry(c);
  o.timeout = milliseconds(c.kafka.timeout_us / 1'000);
  o.transaction_timeout = milliseconds(c.kafka.transaction_timeout_us / 1'000);
  WEIR_TRY(security, kafka_security(c.kafka, "log.kafka"));
  o.security = std::move(security);
  o.on_message = [](int level, std::string_view message) {
    spdlog::log(level <= syslog_warning ? spdlog::level::warn : spdlog::level::debug, "kafka client message=\"{}\"",
                message);
  };
  return o;
}

}  // namespace

result<std::unique_ptr<event_log>> open_configured_log(const config& c) {
  if (c.log.kind != "kafka") return open_local_log(local_options(c));
  WEIR_TRY(options, kafka_options(c));
  return open_kafka_log(std::move(options));
}

result<std::unique_ptr<kafka_groups>> open_configured_groups(const config& c) {
  if (c.log.kind != "kafka" || c.kafka.group_offsets_us == 0) return nullptr;
  WEIR_TRY(options, kafka_options(c));
  options.timeout = std::min(options.timeout, longest_mirror_wait);  // it takes a thread of the pool
  return make_kafka_groups(std::move(options));
}

bool is_shared_log(const config& c) { return c.log.kind == "kafka"; }

result<std::unique_ptr<heartbeat_channel>> open_configured_heartbeats(const config& c, event_log& log) {
  const auto name = topic::heartbeats(c.node.app);
  WEIR_TRY_VOID(log.create_topic({name, 1, topic_kind::append, heartbeats_kept_ms, heartbeats_kept_bytes}));
  WEIR_TRY(options, kafka_options(c));
  return open_kafka_heartbeats(std::move(options), name);
}

std::int64_t least_commit_interval_us(const config& c) {
  if (!is_shared_log(c)) return c.commit.interval_min_us;
  return std::min(std::max(c.commit.interval_min_us, c.kafka.interval_min_us), c.commit.interval_max_us);
}

deployment_record deployment_of(const config& c) {
  const auto shards = static_cast<int>(c.node.shards);
  return {shards, shards, is_shared_log(c) ? static_cast<int>(c.kafka.shards_per_writer) : 1};
}

// Shards cut at the same moments (shard::next_cut_us), and come to commit within about that long.
constexpr std::chrono::milliseconds writer_company{3};

writer_group_options group_options(const config& c, int group) {
  writer_group_options o;
  o.id = topic::group_writer(c.node.app, group);
  o.max_commit_bytes = kafka_log_options().max_commit_bytes;
  o.company = writer_company;
  o.patience = std::chrono::milliseconds(c.kafka.timeout_us / 1'000);
  return o;
}

std::vector<std::shared_ptr<writer_group>> make_writer_groups(const config& c, event_log& log) {
  const auto made = deployment_of(c);
  std::vector<std::shared_ptr<writer_group>> out(static_cast<std::size_t>(made.shards));
  if (made.shards_per_writer == 1) return out;
  for (int shard = 0; shard < made.shards; ++shard) {
    const auto group = shard / made.shards_per_writer, in_group = shard % made.shards_per_writer;
    const auto at = static_cast<std::size_t>(shard);
    out[at] = in_group > 0 ? out[at - 1]
                           : std::make_shared<writer_group>(log, group_options(c, group));
  }
  return out;
}

std::string state_folder(const config& c) {
  return (std::filesystem::path(c.node.data_dir) / (c.log.kind == "kafka" ? "state-kafka" : "state")).string();
}

}  // namespace weir
