#include "actors/position_mirror.hpp"

#include <algorithm>

#include "actors/shard/epoch.hpp"
#include "cluster/topic_names.hpp"
#include "state/state_key.hpp"

namespace weir {

namespace {

constexpr std::size_t marks_kept = 8;
// Rounds after the last change until the partition's end is known to lie behind it.
constexpr int rounds_to_settle = 2;
// ... and how seldom it is asked for after that: entries without records lengthen a stream too.
constexpr int look_again_rounds = 60;
// The brokers forget offsets that nobody renews (offsets.retention.minutes, a week by default).
constexpr std::chrono::hours renew_after{1};

std::string input_topic(std::string_view app, const pipeline_record& pipeline, const task_record::input& input) {
  switch (input.kind) {
    case input_kind::stream: return topic::stream(app, input.name);
    case input_kind::view: return topic::view(app, input.name);
    case input_kind::shuffle: break;
  }
  return topic::shuffle(app, pipeline.name, input.name, pipeline.incarnation);
}

// The one entry of that key; none when there is none.
result<std::optional<std::string>> load_one(state_store& store, int shard, const std::string& wanted) {
  std::optional<std::string> out;
  WEIR_TRY_VOID(store.load(shard, wanted, [&](std::string_view key, std::string_view value) -> status {
    if (key == wanted) out = value;
    return {};
  }));
  return out;
}

}  // namespace

position_mirror::position_mirror(std::string app, event_log& log, state_store& store,
                                 std::unique_ptr<kafka_groups> groups, std::chrono::milliseconds budget)
    : app_(std::move(app)), log_(log), store_(store), groups_(std::move(groups)), budget_(budget) {}

status position_mirror::refresh(const control_plan& plan, const std::vector<int>& shards) {
  const auto ends = clock::now() + budget_;
  const auto streams = plan.names.streams.size(), each = streams + plan.pipelines.size();
  const auto all = each * shards.size();
  std::size_t done = 0;
  for (; done < all && clock::now() < ends; ++done) {
    const auto at = (next_ + done) % all, inside = at % each;
    const auto nth = [](const auto& map, std::size_t n) -> const auto& {
      return *std::next(map.begin(), static_cast<std::ptrdiff_t>(n));
    };
    const int shard = shards[at / each];
    WEIR_TRY_VOID(inside < streams ? note_stream(nth(plan.names.streams, inside).first, shard)
                                   : note_pipeline(nth(plan.pipelines, inside - streams).second, shard));
  }
  next_ = all == 0 ? 0 : (next_ + done) % all;
  return write_groups(plan);
}

status position_mirror::note_stream(const std::string& stream, int shard) {
  const auto name = topic::stream(app_, stream);
  auto& known = streams_[{{}, name, shard}];
  WEIR_TRY(stored, load_one(store_, shard, state_prefix(ingest_pipeline, 0) + state_of_stream + stream));
  if (!stored) return {};
  const auto next = byte_reader(*stored).varint();
  if (known.end >= 0 && (known.marks.empty() || known.marks.back().offset != known.end)) {
    known.marks.push_back({next, known.end});
    if (known.marks.size() > marks_kept) known.marks.pop_front();
  }
  known.quiet_rounds = next == known.seen ? known.quiet_rounds + 1 : 0;
  known.seen = next;
  if (known.quiet_rounds > rounds_to_settle && known.quiet_rounds % look_again_rounds != 0) return {};
  WEIR_TRY(bounds, log_.bounds(name, shard));
  known.end = bounds.end;
  return {};
}

status position_mirror::note_pipeline(const planned_pipeline& pipeline, int shard) {
  const auto& record = pipeline.record;
  WEIR_TRY(stored, load_one(store_, shard, state_prefix(record.name, record.incarnation) + state_of_task));
  if (!stored) return {};  // it has not committed yet
  WEIR_TRY(task, decode_task_record(*stored));
  auto& to = group_of(record);
  for (const auto& input : task.inputs) {
    const auto name = input_topic(app_, record, input);
    std::int64_t offset = 0;
    if (input.kind == input_kind::stream) {
      offset = offset_in_stream(input, name, shard);
    } else {
      WEIR_TRY(found, offset_in_log(record.name, input, name, shard));
      offset = found;
    }
    to.wanted[{name, shard}] = offset;
  }
  return {};
}

// The topics of an earlier incarnation's shuffles are gone, and the brokers forget offsets in them.
position_mirror::shown_group& position_mirror::group_of(const pipeline_record& record) {
  auto& out = known_[record.name];
  if (out.incarnation == record.incarnation) return out;
  forget_logs(record.name);
  out = {};
  out.incarnation = record.incarnation;
  return out;
}

void position_mirror::forget_logs(const std::string& pipeline) {
  std::erase_if(logs_, [&](const auto& one) { return one.first.pipeline == pipeline; });
}

std::int64_t position_mirror::offset_in_stream(const task_record::input& input, const std::string& topic,
                                               int shard) const {
  const auto it = streams_.find({{}, topic, shard});
  if (it == streams_.end()) return input.offset_hint;
  const auto& marks = it->second.marks;
  const auto passed =
      std::find_if(marks.rbegin(), marks.rend(), [&](const auto& m) { return m.number <= input.position; });
  return passed == marks.rend() ? input.offset_hint : std::max(input.offset_hint, passed->offset);
}

// A position is the offset behind the last entry that was read. Where it rests, nothing but markers of transactions may
// lie behind it, which no lag tool should count.
result<std::int64_t> position_mirror::offset_in_log(const std::string& pipeline, const task_record::input& input,
                                                    const std::string& topic, int shard) {
  const auto position = static_cast<std::int64_t>(input.position);
  const auto [it, added] = logs_.try_emplace({pipeline, topic, shard});
  auto& known = it->second;
  if (added || known.position != input.position) {
    known = {input.position, -1};
    return position;
  }
  if (known.offset >= 0) return known.offset;
  auto reader = log_.read(topic, shard, position);
  if (!reader && reader.error().code == errc::offset_out_of_range) {
    known.offset = position;  // retention has passed it: the lag is what Kafka makes of it
    return position;
  }
  if (!reader) return fail(std::move(reader).error());
  WEIR_TRY(entries, (*reader)->fetch(1));
  known.offset = entries.empty() ? std::max(position, (*reader)->position()) : position;
  return known.offset;
}

status position_mirror::write_groups(const control_plan& plan) {
  const auto ends = clock::now() + budget_;
  for (auto left = known_.size(); left > 0 && clock::now() < ends; --left) {
    auto it = known_.upper_bound(last_group_);
    if (it == known_.end()) it = known_.begin();
    last_group_ = it->first;
    if (plan.pipelines.contains(it->first)) {
      WEIR_TRY_VOID(write(topic::group(app_, it->first), it->second));
      continue;
    }
    forget_logs(it->first);  // the brokers forget its group by themselves
    known_.erase(it);
  }
  return {};
}

status position_mirror::write(const std::string& id, shown_group& shown) {
  const bool old = clock::now() > shown.written_at + renew_after;
  std::vector<group_offset> offsets;
  for (const auto& [at, offset] : shown.wanted) {
    const auto was = shown.written.find(at);
    if (old || was == shown.written.end() || was->second != offset) offsets.push_back({at.first, at.second, offset});
  }
  if (offsets.empty()) return {};
  WEIR_TRY_VOID(groups_->write(id, offsets));
  if (old) shown.written_at = clock::now();
  shown.written = shown.wanted;
  return {};
}

}  // namespace weir
