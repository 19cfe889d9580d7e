#include "cluster/topic_sources.hpp"

#include <charconv>

namespace weir {

namespace {

int number_of(std::string_view text) {
  int out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() && end == text.data() + text.size() && out > 0 ? out : 0;
}

source_record partition_source(const source_record& topic, int partition, const std::vector<std::int64_t>& starts) {
  source_record out;
  out.name = partition_source_name(topic.name, partition);
  out.stream = topic.stream;
  out.connector = topic.connector;
  out.options = topic.options;
  out.options.erase(partitions_option);
  out.options[partition_option] = std::to_string(partition);
  const auto i = static_cast<std::size_t>(partition);
  out.options[start_option] = i < starts.size() ? std::to_string(starts[i]) : "earliest";
  return out;
}

}  // namespace

bool is_topic_source(const source_record& source) {
  return source.connector == kafka_connector && !source.options.contains(partition_option);
}

int opened_partitions(const source_record& topic) {
  const auto it = topic.options.find(partitions_option);
  return it == topic.options.end() ? 0 : number_of(it->second);
}

std::string partition_source_name(std::string_view topic_source, int partition) {
  return fmt::format("{}.{}", topic_source, partition);
}

std::vector<const source_record*> partitions_of(const control_state& state, const source_record& topic) {
  std::vector<const source_record*> out;
  if (!is_topic_source(topic)) return out;
  for (int p = 0; p < opened_partitions(topic); ++p)
    if (const auto it = state.sources.find(partition_source_name(topic.name, p));
        it != state.sources.end() && topic_of(state, it->second) == &topic)
      out.push_back(&it->second);
  return out;
}

const source_record* topic_of(const control_state& state, const source_record& partition) {
  const auto number = partition.options.find(partition_option);
  if (partition.connector != kafka_connector || number == partition.options.end()) return nullptr;
  const auto suffix = "." + number->second;
  if (!partition.name.ends_with(suffix)) return nullptr;
  const auto it = state.sources.find(std::string_view(partition.name).substr(0, partition.name.size() - suffix.size()));
  if (it == state.sources.end() || !is_topic_source(it->second)) return nullptr;
  const auto& topic = it->second;
  const bool same = topic.stream == partition.stream && topic.options.contains("topic") &&
                    partition.options.contains("topic") &&
                    topic.options.find("topic")->second == partition.options.find("topic")->second;
  return same ? &topic : nullptr;
}

bool same_options(const source_record& a, const source_record& b) {
  if (!is_topic_source(a) || !is_topic_source(b)) return a.options == b.options;
  auto left = a.options, right = b.options;
  left.erase(partitions_option);
  right.erase(partitions_option);
  return left == right;
}

result<std::vector<control_record>> open_partitions(const control_plan& plan, std::string_view topic_source,
                                                    std::uint64_t incarnation, int partitions,
                                                    const std::vector<std::int64_t>& starts,
                                                    const control_limits& limits) {
  const auto it = plan.state.sources.find(topic_source);
  if (it == plan.state.sources.end() || !is_topic_source(it->second) || it->second.incarnation != incarnation)
    return fail(errc::cancelled, "source {} is not what it was", topic_source);
  auto topic = it->second;
  const auto before = opened_partitions(topic);
  if (partitions < before)
    return with_hint(fail(errc::conflict,
                          "source {}: its topic had {} partitions and has {}: it was deleted and made anew; what was "
                          "not read of the old one is gone",
                          topic_source, before, partitions),
                     fmt::format("to read the new one: weir source remove {}, then add it again", topic_source));
  std::vector<source_record> opened;
  for (int p = 0; p < partitions; ++p)
    if (!plan.state.sources.contains(partition_source_name(topic_source, p)))
      opened.push_back(partition_source(topic, p, before == 0 ? starts : std::vector<std::int64_t>{}));
  if (opened.empty() && partitions == before) return std::vector<control_record>{};
  WEIR_TRY(records, add_sources(plan, opened, limits));
  topic.options[partitions_option] = std::to_string(partitions);
  records.push_back(to_record(topic));
  return records;
}

}  // namespace weir
