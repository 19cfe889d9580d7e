#include "actors/dead_letters.hpp"

#include <charconv>

#include "actors/newest_entries.hpp"
#include "actors/record_json.hpp"

namespace weir {

namespace {

constexpr std::size_t page_bytes = std::size_t{16} << 20;

template <class T>
bool parse_number(std::string_view text, T& out) {
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), out);
  return code == std::errc() && end == text.data() + text.size() && !text.empty();
}

dead_letter letter_of(int shard, const log_entry& entry) {
  const auto header = nlohmann::json::parse(entry.header, nullptr, false);
  const auto text = [&](const char* name) {
    const auto it = header.is_object() ? header.find(name) : header.end();
    return it != header.end() && it->is_string() ? it->get<std::string>() : std::string();
  };
  const auto number = [&](const char* name) {
    const auto it = header.is_object() ? header.find(name) : header.end();
    return it != header.end() && it->is_number_integer() ? std::optional(it->get<std::int64_t>()) : std::nullopt;
  };
  dead_letter out{text("reason"),
                  text("source"),
                  static_cast<std::uint64_t>(number("sequence").value_or(0)),
                  entry.value.value_or(""),
                  text("format"),
                  text("context"),
                  {}};
  const auto event_time = number("event_time_us");
  out.shown = {{"id", fmt::format("{}-{}", shard, entry.offset)},
               {"reason", out.reason},
               {"source", out.source},
               {"sequence", out.sequence},
               {"event_time", event_time ? time_json(*event_time) : nlohmann::json()},
               {"time", time_json(entry.timestamp_us)}};
  // A record that a pipeline could not take stands in the stream: only that pipeline left it out.
  if (const auto pipeline = text("pipeline"); !pipeline.empty()) out.shown["pipeline"] = pipeline;
  add_record(out.shown, out.record);
  return out;
}

}  // namespace

result<nlohmann::json> read_dead_letters(event_log& log, std::string_view topic, int shards, const page_request& page,
                                         std::size_t most) {
  back_positions at;
  if (page.after.empty()) {
    WEIR_TRY(ends, ends_of(log, topic, shards));
    at = std::move(ends);
  } else {
    WEIR_TRY(after, from_page_token(topic, shards, page.after));
    at = std::move(after);
  }
  std::vector<entries_back> lanes;
  for (int s = 0; s < shards; ++s) lanes.emplace_back(log, std::string(topic), s, at[static_cast<std::size_t>(s)]);
  nlohmann::json items = nlohmann::json::array(), next;
  for (std::size_t bytes = 0;;) {
    int newest = -1;
    const log_entry* entry = nullptr;
    for (int s = 0; s < shards; ++s) {
      WEIR_TRY(candidate, lanes[static_cast<std::size_t>(s)].peek());
      if (candidate == nullptr || (entry != nullptr && candidate->timestamp_us <= entry->timestamp_us)) continue;
      newest = s;
      entry = candidate;
    }
    if (entry == nullptr) break;
    bytes += entry->value ? entry->value->size() : 0;
    if (items.size() >= std::min(page.limit, most) || (bytes > page_bytes && !items.empty())) {
      next = to_page_token(topic, at);
      break;
    }
    items.push_back(letter_of(newest, *entry).shown);
    at[static_cast<std::size_t>(newest)] = entry->offset;
    lanes[static_cast<std::size_t>(newest)].pop();
  }
  return nlohmann::json{{"items", std::move(items)}, {"next", std::move(next)}};
}

result<dead_letter> read_dead_letter(event_log& log, std::string_view topic, int shards, std::string_view id) {
  const auto dash = id.find('-');
  int shard = 0;
  std::int64_t offset = 0;
  if (dash == std::string_view::npos || !parse_number(id.substr(0, dash), shard) ||
      !parse_number(id.substr(dash + 1), offset) || shard < 0 || shard >= shards || offset < 0)
    return with_hint(fail(errc::invalid_argument, "{} is no id of a dead letter", quoted_excerpt(id)),
                     "write it as it is listed: shard-offset, like 0-118");
  const auto gone = fail(errc::not_found, "there is no dead letter {}", id);
  WEIR_TRY(bounds, log.bounds(topic, shard));
  if (offset < bounds.start || offset >= bounds.end) return gone;
  auto reader = log.read(topic, shard, offset);
  if (!reader && reader.error().code == errc::offset_out_of_range) return gone;
  if (!reader) return fail(std::move(reader).error());
  WEIR_TRY(entries, (*reader)->fetch(1));
  if (entries.empty() || entries.front().offset != offset) return gone;
  return letter_of(shard, entries.front());
}

}  // namespace weir
