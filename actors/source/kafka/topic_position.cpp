#include "actors/source/kafka/topic_position.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "runtime/batch/key_codec.hpp"
#include "runtime/excerpt.hpp"

namespace weir {

namespace {

constexpr int position_version = 1;
constexpr std::size_t edge_bytes = 64;

void add_edges(std::string& out, const std::optional<std::string_view>& bytes) {
  if (!bytes) {
    out += '-';
    return;
  }
  out += fmt::format("{}:", bytes->size());
  out.append(bytes->substr(0, edge_bytes));
  if (bytes->size() > edge_bytes) out.append(bytes->substr(std::max(edge_bytes, bytes->size() - edge_bytes)));
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  std::uint64_t out = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out, 16);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

}  // namespace

std::uint64_t fingerprint_of(const external_record& record) {
  std::string seen = fmt::format("{} ", record.timestamp_us);
  add_edges(seen, record.key);
  add_edges(seen, record.value);
  return stable_hash(seen);
}

std::string encode_topic_position(const topic_position& position) {
  nlohmann::json out{{"v", position_version}, {"offset", position.next}};
  if (position.last) {
    out["last"] = position.last->offset;
    out["fingerprint"] = fmt::format("{:016x}", position.last->fingerprint);
  }
  return out.dump();
}

result<topic_position> decode_topic_position(std::string_view text) {
  const auto damaged = [&] {
    return fail(errc::corrupt, "a Kafka source cannot resume: its position {} is damaged", quoted_excerpt(text));
  };
  const auto in = nlohmann::json::parse(text, nullptr, false);
  const auto has_number = [&](const char* name) {
    return in.contains(name) && in[name].is_number_integer() && in[name].get<std::int64_t>() >= 0;
  };
  if (!in.is_object() || !has_number("v") || in["v"] != position_version || !has_number("offset")) return damaged();
  topic_position out;
  out.next = in["offset"].get<std::int64_t>();
  if (!in.contains("last")) return out;
  if (!has_number("last") || !in.contains("fingerprint") || !in["fingerprint"].is_string()) return damaged();
  const auto fingerprint = parse_hex(in["fingerprint"].get_ref<const std::string&>());
  const auto last = in["last"].get<std::int64_t>();
  if (!fingerprint || last >= out.next) return damaged();
  out.last = {last, *fingerprint};
  return out;
}

status check_held(const topic_position& position, const log_bounds& held, std::string_view topic,
                  std::string_view source) {
  if (held.start > position.next)
    return gone_for_good(fail(errc::offset_out_of_range,
                              "topic {}: offsets {} to {} are gone and were not read: retention has passed this "
                              "source, the topic now begins at {}",
                              topic, position.next, held.start - 1, held.start),
                         source);
  if (held.end >= position.next) return {};
  return gone_for_good(fail(errc::offset_out_of_range,
                            "topic {}: this source has read up to offset {}, and the topic ends at {}: it was deleted "
                            "and made anew, or its brokers have lost its end; what was not read is gone",
                            topic, position.next, held.end),
                       source);
}

status check_last(const topic_position& position, const external_record& found, std::string_view topic,
                  std::string_view source) {
  // In a compacted topic the record itself may have been replaced by a later one of its key.
  if (!position.last || found.offset != position.last->offset) return {};
  if (fingerprint_of(found) == position.last->fingerprint) return {};
  return gone_for_good(fail(errc::conflict,
                            "topic {}: the record at offset {} is not the one that this source has read there: the "
                            "topic was deleted and made anew; what was not read of the old one is gone",
                            topic, position.last->offset),
                       source);
}

tl::unexpected<error> gone_for_good(tl::unexpected<error> why, std::string_view source) {
  return with_hint(std::move(why),
                   fmt::format("to go on with what is there: weir source remove {}; a partition of a topic's source "
                               "opens again by itself, at its earliest record",
                               source));
}

}  // namespace weir
