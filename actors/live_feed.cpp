#include "actors/live_feed.hpp"

#include <algorithm>

#include "actors/shard/task_node.hpp"
#include "actors/view_table.hpp"

namespace weir {

namespace {

constexpr std::size_t fetch_bytes = std::size_t{128} << 10;
constexpr std::size_t most_at_once = 1'024;
constexpr std::size_t most_kept_bytes = std::size_t{1} << 20, most_kept = 8'192;  // per partition
constexpr std::size_t most_given = 16, most_given_bytes = std::size_t{64} << 10;  // batches, and each one's rows
constexpr int most_steps = 8;  // that a feed goes on to reach a reader ahead of it; then it begins anew there
constexpr std::chrono::milliseconds end_age{20};

std::size_t bytes_of(const live_entry& e) { return sizeof e + (e.json ? e.json->size() : 0); }

}  // namespace

result<live_entry> live_entry_of(const view_plan& plan, log_entry entry) {
  live_entry out{entry.offset, live_row::kind::row, nullptr};
  if (!entry.header.empty() && entry.header.front() == entry_clock) return out;
  if (!entry.key.empty() && entry.key.front() == key_clock) return out;
  if (entry.value) {
    out.json = std::make_shared<const std::string>(std::move(*entry.value));
    return out;
  }
  out.what = live_row::kind::deleted;
  WEIR_TRY(key, key_object(plan, std::string_view(entry.key).substr(entry.key.empty() ? 0 : 1)));
  out.json = std::make_shared<const std::string>(std::move(key));
  return out;
}

live_feed::live_feed(event_log& log, std::string topic, const view_plan& plan, int shards)
    : log_(log), topic_(std::move(topic)), plan_(plan), lanes_(static_cast<std::size_t>(shards)) {}

result<std::optional<std::vector<live_entry>>> live_feed::read(int shard, std::int64_t position) {
  auto& l = lanes_[static_cast<std::size_t>(shard)];
  std::lock_guard lock(l.mutex);
  if (auto reached = reach(l, shard, position); !reached) {
    l.reader.reset();
    return fail(std::move(reached).error());
  }
  if (position < l.begin) return std::nullopt;
  const auto first = std::ranges::lower_bound(l.kept, position, {}, &live_entry::offset);
  const auto count = std::min<std::ptrdiff_t>(l.kept.end() - first, most_at_once);
  return std::vector<live_entry>(first, first + count);
}

// Reads on where the position stands at the feed's end, or a little ahead of it.
status live_feed::reach(lane& l, int shard, std::int64_t position) {
  for (int step = 0; l.reader && step < most_steps; ++step) {
    const bool has_more = !l.kept.empty() && l.kept.back().offset >= position;
    if (has_more || position < l.begin) return {};
    WEIR_TRY(any, extend(l));
    if (!any && position <= l.end) return {};
    if (!any) break;
  }
  if (l.reader && position <= l.end) return {};
  WEIR_TRY(reader, log_.read(topic_, shard, position));
  l.reader = std::move(reader);
  l.kept.clear();
  l.kept_bytes = 0;
  l.begin = l.end = position;
  WEIR_TRY_VOID(extend(l));
  return {};
}

result<bool> live_feed::extend(lane& l) {
  WEIR_TRY(entries, l.reader->fetch(fetch_bytes));
  for (auto& e : entries) {
    WEIR_TRY(entry, live_entry_of(plan_, std::move(e)));
    l.kept_bytes += bytes_of(entry);
    l.kept.push_back(std::move(entry));
  }
  l.end = std::max(l.end, l.reader->position());
  forget_oldest(l);
  return !entries.empty();
}

void live_feed::forget_oldest(lane& l) {
  while (l.kept.size() > most_kept || (l.kept_bytes > most_kept_bytes && l.kept.size() > 1)) {
    l.begin = l.kept.front().offset + 1;
    l.kept_bytes -= bytes_of(l.kept.front());
    l.kept.pop_front();
  }
}

std::optional<live_feed::given_rows> live_feed::given_at(const live_place& place, std::size_t most) {
  const std::lock_guard lock(given_mutex_);
  for (auto one = given_.rbegin(); one != given_.rend(); ++one) {
    const bool is_newest = one->second.behind.positions == given_.back().second.behind.positions;
    if (is_newest && one->first == place && one->second.rows.size() <= most) return one->second;
  }
  return std::nullopt;
}

void live_feed::keep(live_place place, given_rows given) {
  std::size_t bytes = 0;
  for (const auto& row : given.rows) bytes += sizeof row + row.json->size();
  if (bytes > most_given_bytes) return;  // a reader's history: others will hardly stand there
  const std::lock_guard lock(given_mutex_);
  given_.emplace_back(std::move(place), std::move(given));
  if (given_.size() > most_given) given_.pop_front();
}

std::int64_t live_feed::end(int shard) {
  auto& l = lanes_[static_cast<std::size_t>(shard)];
  std::lock_guard lock(l.mutex);
  const auto now = std::chrono::steady_clock::now();
  if (!l.looked_at || now - *l.looked_at > end_age) {
    l.looked_at = now;
    if (const auto bounds = log_.bounds(topic_, shard)) l.known_end = bounds->end;
  }
  return std::max(l.known_end, l.end);
}

std::shared_ptr<live_feed> live_feeds::of(event_log& log, const std::string& topic, const view_plan& plan,
                                          std::uint64_t incarnation, int shards) {
  std::lock_guard lock(mutex_);
  std::erase_if(feeds_, [](const auto& known) { return known.second.expired(); });
  auto& known = feeds_[{topic, incarnation}];
  auto feed = known.lock();
  if (!feed) known = feed = std::make_shared<live_feed>(log, topic, plan, shards);
  return feed;
}

}  // namespace weir
