#include "runtime/log/kafka_settings.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/log/kafka_record.hpp"
#include "runtime/log/log_checks.hpp"

namespace weir::kafka {

namespace {

constexpr std::int64_t segment_bytes = 64LL << 20;  // what compaction and retention work on
constexpr char compact[] = "compact";

std::int64_t number_of(std::string_view text) {
  std::int64_t out = 0;
  auto const [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc() && end == text.data() + text.size() ? out : -1;
}

std::string_view value_of(const found_topic& found, std::string_view name) {
  auto const it = found.settings.find(std::string(name));
  return it == found.settings.end() ? std::string_view{} : std::string_view(it->second.value);
}

// Kafka's limit is per partition, ours per topic.
std::int64_t bytes_per_partition(const topic_config& config) {
  if (config.retention_bytes == 0) return -1;
  return std::max<std::int64_t>(1, (config.retention_bytes + config.partitions - 1) / config.partitions);
}

bool is_wrong(const topic_setting& wanted, std::string_view found) {
  if (wanted.is == topic_setting::rule::equal) return found != wanted.value;
  if (wanted.is == topic_setting::rule::at_least) return number_of(found) < number_of(wanted.value);
  return false;
}

}  // namespace

std::vector<topic_setting> wanted_settings(const topic_config& config, const kafka_log_options& options) {
  using rule = topic_setting::rule;
  auto const largest = static_cast<std::int64_t>(options.max_entry_bytes + entry_overhead);
  bool const keyed = config.kind == topic_kind::compacted;
  std::vector<topic_setting> out{
      {"cleanup.policy", keyed ? compact : "delete"},
      {"message.timestamp.type", "LogAppendTime"},
      {"unclean.leader.election.enable", "false"},
      {"min.insync.replicas", std::to_string(options.min_insync), rule::at_least},
      {"max.message.bytes", std::to_string(largest), rule::at_least},
  };
  auto segment = std::max(segment_bytes, 2 * largest);
  if (keyed) {
    out.push_back({"delete.retention.ms", std::to_string(options.tombstone_keep_ms), rule::at_least});
  } else {
    auto const bytes = bytes_per_partition(config);
    out.push_back({"retention.bytes", std::to_string(bytes), rule::follows});
    out.push_back({"retention.ms", std::to_string(config.retention_ms == 0 ? -1 : config.retention_ms), rule::follows});
    if (bytes > 0) segment = std::max(std::min(segment, bytes / 4), 2 * largest);
  }
  out.push_back({"segment.bytes", std::to_string(segment), rule::at_first});
  return out;
}

topic_config config_of(const found_topic& found) {
  topic_config out{.name = found.name, .partitions = found.partitions, .kind = topic_kind::append};
  if (value_of(found, "cleanup.policy") == compact) {
    out.kind = topic_kind::compacted;
    out.retention_ms = out.retention_bytes = 0;
    return out;
  }
  out.retention_ms = std::max<std::int64_t>(0, number_of(value_of(found, "retention.ms")));
  out.retention_bytes = std::max<std::int64_t>(0, number_of(value_of(found, "retention.bytes"))) * found.partitions;
  return out;
}

status check_settings(const found_topic& found, const topic_config& asked, const kafka_log_options& options) {
  std::string wrong, mended;
  for (auto const& wanted : wanted_settings(asked, options)) {
    auto const value = value_of(found, wanted.name);
    if (!is_wrong(wanted, value)) continue;
    bool const least = wanted.is == topic_setting::rule::at_least;
    wrong += fmt::format("{}{} = {} instead of {}{}", wrong.empty() ? "" : ", ", wanted.name, value,
                         least ? "at least " : "", wanted.value);
    mended += fmt::format("{}{}={}", mended.empty() ? "" : ",", wanted.name, wanted.value);
  }
  if (!wrong.empty()) {
    return with_hint(fail(errc::conflict, "topic {} exists with {}", found.name, wrong),
                     fmt::format("mend it: kafka-configs.sh --bootstrap-server {} --alter --entity-type topics "
                                 "--entity-name {} --add-config {}",
                                 options.brokers, found.name, mended));
  }
  if (found.replicas >= options.replication) return {};
  return with_hint(fail(errc::conflict, "topic {} exists with {} copies of a partition instead of at least {}",
                        found.name, found.replicas, options.replication),
                   fmt::format("add copies: kafka-reassign-partitions.sh --bootstrap-server {} --execute "
                               "--reassignment-json-file FILE, or lower log.kafka.replication",
                               options.brokers));
}

bool has_to_follow(const found_topic& found, const std::vector<topic_setting>& wanted) {
  return std::any_of(wanted.begin(), wanted.end(), [&](const topic_setting& one) {
    return one.is == topic_setting::rule::follows && value_of(found, one.name) != one.value;
  });
}

}  // namespace weir::kafka
