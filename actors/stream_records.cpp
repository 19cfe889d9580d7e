#include "actors/stream_records.hpp"

#include <algorithm>
#include <limits>

#include "actors/newest_entries.hpp"
#include "actors/record_json.hpp"
#include "actors/shard/stream_entry.hpp"

namespace weir {

namespace {

constexpr std::size_t page_bytes = std::size_t{16} << 20;

// Shards without live sources hold many entries of marks alone: a page looks at so many entries at most.
constexpr std::size_t page_entries = 50'000;

// The records of one shard from the newest back. An entry may be used up in part: below_ counts records, before_
// offsets.
class records_back {
 public:
  records_back(event_log& log, const std::string& topic, int shard, std::int64_t before, std::int64_t below)
      : entries_(log, topic, shard, before), before_(before), below_(below) {}

  // Opens the next entry with records that are wanted; answers whether there is one. `budget`: entries to look at.
  result<bool> ready(std::size_t& budget) {
    while (left_ == 0 && budget > 0) {
      if (open_) entries_.pop();
      open_ = false;
      WEIR_TRY(stored, entries_.peek());
      if (stored == nullptr) return false;
      --budget;
      open_ = true;
      before_ = stored->offset;
      WEIR_TRY(numbers, decode_entry_header(stored->header));
      if (static_cast<std::int64_t>(numbers.first) >= below_) continue;
      WEIR_TRY(entry, decode_entry(stored->value.value_or("")));
      entry_ = std::move(entry);
      const auto wanted = below_ - static_cast<std::int64_t>(entry_.first_number);
      left_ = std::min(entry_.records.size(), static_cast<std::size_t>(wanted));
    }
    return left_ > 0;
  }
  std::int64_t arrival_us() const { return entry_.arrival_us; }
  std::string_view bytes() const { return entry_.records[left_ - 1]; }
  nlohmann::json take(int shard) {
    const auto i = --left_;
    below_ = static_cast<std::int64_t>(entry_.first_number + i);
    nlohmann::json out{{"source", entry_.source},
                       {"sequence", entry_.sequence[i]},
                       {"event_time", time_json(entry_.event_time_us[i])},
                       {"arrival", time_json(entry_.arrival_us)},
                       {"late", entry_.late[i] != 0},
                       {"shard", shard}};
    add_record(out, entry_.records[i]);
    return out;
  }
  void add_position(back_positions& to) const {
    to.push_back(left_ > 0 ? before_ + 1 : before_);
    to.push_back(below_);
  }

 private:
  entries_back entries_;
  std::int64_t before_, below_;
  stream_entry entry_;
  std::size_t left_ = 0;
  bool open_ = false;
};

// Two numbers per shard: an offset, and a record number.
result<std::vector<records_back>> start_lanes(event_log& log, std::string_view topic, int shards,
                                              std::string_view after) {
  back_positions at;
  if (after.empty()) {
    WEIR_TRY(ends, ends_of(log, topic, shards));
    for (const auto end : ends) at.insert(at.end(), {end, std::numeric_limits<std::int64_t>::max()});
  } else {
    WEIR_TRY(from, from_page_token(topic, 2 * shards, after));
    at = std::move(from);
  }
  std::vector<records_back> out;
  for (std::size_t s = 0; s < static_cast<std::size_t>(shards); ++s)
    out.emplace_back(log, std::string(topic), static_cast<int>(s), at[2 * s], at[2 * s + 1]);
  return out;
}

}  // namespace

result<nlohmann::json> read_stream_records(event_log& log, std::string_view topic, int shards, const page_request& page,
                                           std::size_t most) {
  WEIR_TRY(lanes, start_lanes(log, topic, shards, page.after));
  nlohmann::json items = nlohmann::json::array(), next;
  auto budget = page_entries;
  for (std::size_t bytes = 0;;) {
    int newest = -1;
    for (int s = 0; s < shards; ++s) {
      auto& lane = lanes[static_cast<std::size_t>(s)];
      WEIR_TRY(any, lane.ready(budget));
      if (any && (newest < 0 || lane.arrival_us() > lanes[static_cast<std::size_t>(newest)].arrival_us())) newest = s;
    }
    if (newest < 0 && budget > 0) break;
    auto& lane = lanes[static_cast<std::size_t>(std::max(newest, 0))];
    if (newest >= 0) bytes += lane.bytes().size();
    if (budget == 0 || items.size() >= std::min(page.limit, most) || (bytes > page_bytes && !items.empty())) {
      back_positions at;
      for (const auto& l : lanes) l.add_position(at);
      next = to_page_token(topic, at);
      break;
    }
    items.push_back(lane.take(newest));
  }
  return nlohmann::json{{"items", std::move(items)}, {"next", std::move(next)}};
}

}  // namespace weir
