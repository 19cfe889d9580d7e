#include "actors/source/kafka/kafka_options.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "actors/source/front_fields.hpp"
#include "actors/source/option_reader.hpp"
#include "runtime/excerpt.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

namespace {

constexpr std::size_t max_topic = 249;  // Kafka's own
constexpr std::uint64_t max_partitions = 1'000'000;

status check_topic(const source_spec& spec, std::string_view topic) {
  const bool good =
      topic.size() <= max_topic && topic != "." && topic != ".." && std::ranges::all_of(topic, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
               c == '-';
      });
  if (good) return {};
  return fail(errc::invalid_argument, "source {}: option topic = {} is no name of a topic", spec.name,
              quoted_excerpt(topic));
}

status read_brokers(const option_reader& reader, const source_spec& spec, const connector_context& context,
                    kafka_options& out) {
  const auto& allowed = context.kafka.brokers;
  if (allowed.empty())
    return with_hint(fail(errc::permission_denied, "source {}: no Kafka may be reached", spec.name),
                     "name its brokers in sources.kafka.allow in config.toml");
  out.brokers = reader.given("brokers") ? reader.text("brokers") : allowed.front();
  if (std::ranges::count(allowed, out.brokers) > 0) return {};
  return with_hint(fail(errc::permission_denied, "source {}: the brokers {} are not ones that Kafka sources may reach",
                        spec.name, quoted_excerpt(out.brokers)),
                   fmt::format("allowed are: {}", fmt::join(allowed, "; ")));
}

status read_start(const option_reader& reader, const source_spec& spec, kafka_options& out) {
  const auto text = reader.text("from");
  if (text == "earliest") return {};
  if (text == "latest") {
    out.start.from = topic_start::kind::latest;
    return {};
  }
  const auto* const end = text.data() + text.size();
  if (const auto [at, code] = std::from_chars(text.data(), end, out.start.offset);
      code == std::errc() && at == end && out.start.offset >= 0) {
    out.start.from = topic_start::kind::offset;
    if (out.partition) return {};
    return fail(errc::invalid_argument, "source {}: option from is an offset, which needs the option partition",
                spec.name);
  }
  const auto time = parse_timestamp(text);
  if (!time)
    return fail(errc::invalid_argument,
                "source {}: option from = {} is not earliest, latest, a time such as '2026-01-31T12:00:00Z' or an "
                "offset",
                spec.name, quoted_excerpt(text));
  out.start.from = topic_start::kind::time;
  out.start.time_us = *time;
  return {};
}

status read_columns(const option_reader& reader, const source_spec& spec, const connector_context& context,
                    kafka_options& out) {
  for (const auto& [name, to] :
       {std::pair{"key_column", &out.key_column}, std::pair{"timestamp_column", &out.timestamp_column}}) {
    if (!reader.given(name)) continue;
    *to = reader.text(name);
    WEIR_TRY_VOID(check_front_column(spec, context, name, *to));
  }
  if (context.stream_format.name == "avro" && !context.kafka.has_schemas)
    return with_hint(
        fail(errc::invalid_argument, "source {}: stream {} is Avro, and no schemas are known", spec.name, spec.stream),
        "name a registry or a folder in sources.kafka.registry in config.toml");
  const bool csv = context.stream_format.name == "csv";
  if (csv && !reader.given("header"))
    return with_hint(
        fail(errc::invalid_argument, "source {}: stream {} is CSV, and a record of a topic has no header line",
             spec.name, spec.stream),
        "give the option header, for example header=id,at,value");
  if (!csv && reader.given("header"))
    return fail(errc::invalid_argument, "source {}: option header is for streams of format csv; {} has another",
                spec.name, spec.stream);
  out.header = reader.text("header");
  if (out.header.find_first_of("\r\n") != std::string::npos)
    return fail(errc::invalid_argument, "source {}: option header is more than one line", spec.name);
  return {};
}

}  // namespace

const connector_kind& kafka_connector_kind() {
  static const connector_kind kind{
      "kafka",
      "Reads a topic that others write on Apache Kafka, committed records only; each partition is a source of its own.",
      "exactly once by offset",
      {
          {"topic", "the topic's name", true, ""},
          {"brokers", "one of sources.kafka.allow; default: the brokers of the log on Kafka, else the first of them",
           false, ""},
          {"from",
           "where to begin: earliest, latest, a time such as '2026-01-31T12:00:00Z', with partition also an offset; "
           "partitions that come later are read from their beginning",
           false, "earliest"},
          {"partition", "only this one", false, ""},
          {"header", "CSV: the header line that the topic's records do not have", false, ""},
          {"key_column", "JSON objects: the record's key is put in front as this field, null where there is none",
           false, ""},
          {"timestamp_column", "JSON objects: the record's time in Kafka is put in front as this field", false, ""},
          {"tombstones", "records without a value: dead_letter, or ignore", false, "dead_letter"},
          {"partitions", "how many of the topic's partitions are open; weir writes it", false, ""},
      }};
  return kind;
}

result<kafka_options> read_kafka_options(const source_spec& spec, const connector_context& context) {
  const option_reader reader(spec, kafka_connector_kind());
  WEIR_TRY_VOID(reader.check_names());
  kafka_options out;
  out.topic = reader.text("topic");
  WEIR_TRY_VOID(check_topic(spec, out.topic));
  WEIR_TRY_VOID(read_brokers(reader, spec, context, out));
  if (reader.given("partition")) {
    WEIR_TRY(partition, reader.whole("partition", 0, max_partitions));
    out.partition = static_cast<int>(partition);
  }
  WEIR_TRY_VOID(read_start(reader, spec, out));
  WEIR_TRY_VOID(read_columns(reader, spec, context, out));
  WEIR_TRY(tombstones, reader.choice("tombstones", {"dead_letter", "ignore"}));
  out.tombstones_are_dead_letters = tombstones == "dead_letter";
  return out;
}

}  // namespace weir
