#include "actors/shard/shard_tail.hpp"

#include "actors/shard/task_node.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/batch/key_codec.hpp"
#include "runtime/fault/protocol_rules.hpp"

namespace weir {

namespace {

constexpr std::size_t fetch_bytes = std::size_t{8} << 20;

topic_kind kind_of(const view_plan& view) {
  return view.kind == view_kind::upsert ? topic_kind::compacted : topic_kind::append;
}

std::size_t bytes_of(const std::vector<log_entry>& entries) {
  std::size_t bytes = 0;
  for (const auto& e : entries) bytes += e.key.size() + e.header.size() + (e.value ? e.value->size() : 0) + 1;
  return bytes;
}

// Tells the views of one pipeline from those of another, or of a later one, that have the same names.
std::int64_t making_of(const pipeline_record& r) {
  return static_cast<std::int64_t>(stable_hash(fmt::format("{}/{}", r.name, r.first_incarnation)) >> 1);
}

}  // namespace

std::optional<view_row_change> row_of(std::string_view view, const log_append& entry, std::int64_t offset, bool fresh) {
  if (!entry.header.empty() && entry.header.front() == entry_clock) return std::nullopt;
  view_row_change row{view, std::nullopt, entry.value, offset, fresh, entry.timestamp_us};
  if (!entry.key.empty()) row.key = entry.key.substr(1);
  return row;
}

shard_tail::shard_tail(task_options options, event_log& log, state_store& store)
    : app_(options.app),
      changelog_topic_(topic::changelog(app_)),
      shard_(options.shard),
      log_(log),
      store_(store),
      tasks_(std::move(options), store) {}

status shard_tail::wipe() {
  tasks_.clear();
  return store_.wipe(shard_);
}

// A reader that has followed so far needs no questions where it stands; what fails is done from the start.
template <class Take>
bool shard_tail::read_to_end(std::unique_ptr<log_reader>& followed, Take take) {
  if (!followed) return false;
  for (;;) {
    const auto came = take(*followed);
    if (!came) followed.reset();
    if (!came || *came == 0) return came.has_value();
  }
}

status shard_tail::catch_up(const control_plan& plan) {
  WEIR_TRY_VOID(restore_changelog());
  for (const auto& [pipeline, planned] : plan.pipelines)
    for (const auto& view : planned.views) {
      const auto kind = kind_of(view);
      const auto known = views_.find(view.name);
      const bool same = known != views_.end() && known->second.making == making_of(planned.record);
      if (same && read_to_end(known->second.reader, [&](log_reader& from) { return take_rows(from, view.name, kind); }))
        continue;
      WEIR_TRY_VOID(settle_view(view.name, making_of(planned.record)));
      WEIR_TRY_VOID(restore_view(view.name, kind));
    }
  return {};
}

status shard_tail::restore_changelog() {
  if (read_to_end(changelog_, [this](log_reader& from) { return take_changes(from); })) return {};
  WEIR_TRY(stamp, store_.changelog_stamp(shard_));
  WEIR_TRY(bounds, log_.bounds(changelog_topic_, shard_));
  auto reader = log_.read(changelog_topic_, shard_, std::min(stamp, bounds.end));
  const bool lost = stamp > bounds.end || (!reader && reader.error().code == errc::offset_out_of_range);
  if (lost && rule_on(24)) {  // the state holds what the log has lost (PROTOCOL 24)
    WEIR_TRY_VOID(wipe());
    reader = log_.read(changelog_topic_, shard_, 0);
  } else if (lost) {
    reader = log_.read(changelog_topic_, shard_, bounds.end);
  }
  if (!reader) return fail(std::move(reader).error());
  for (std::size_t came = 1; came > 0;) {
    WEIR_TRY(bytes, take_changes(**reader));
    came = bytes;
  }
  return {};
}

result<std::size_t> shard_tail::take_changes(log_reader& from) {
  WEIR_TRY(entries, from.fetch(fetch_bytes));
  if (entries.empty()) return 0;
  const auto bytes = bytes_of(entries);
  state_delta delta;
  for (const auto& e : entries) {
    std::optional<std::string_view> value;
    if (e.value) value = *e.value;
    delta.changes.push_back({e.key, value});
  }
  delta.changelog_next = entries.back().offset + 1;
  WEIR_TRY_VOID(store_.apply(shard_, delta));
  tasks_.follow(std::move(entries));
  return bytes;
}

status shard_tail::settle_view(const std::string& view, std::int64_t making) {
  const auto mark = "@" + view;  // no view's name
  WEIR_TRY(copied, store_.view_stamp(shard_, mark));
  if (copied == making) return {};
  WEIR_TRY(stamp, store_.view_stamp(shard_, view));
  if (copied != 0 && stamp != 0) WEIR_TRY_VOID(store_.wipe_view(shard_, view));
  state_delta delta;
  WEIR_TRY(changelog_next, store_.changelog_stamp(shard_));
  delta.changelog_next = changelog_next;
  delta.view_next.emplace_back(mark, making);
  return store_.apply(shard_, delta);
}

status shard_tail::restore_view(std::string_view view, topic_kind kind) {
  const auto topic = topic::view(app_, view);
  WEIR_TRY(stamp, store_.view_stamp(shard_, view));
  WEIR_TRY(bounds, log_.bounds(topic, shard_));
  if (stamp > bounds.end || (stamp < bounds.start && kind == topic_kind::append && stamp > 0)) {
    WEIR_TRY_VOID(store_.wipe_view(shard_, view));
    stamp = 0;
  }
  if (kind == topic_kind::append) stamp = std::max(stamp, bounds.start);
  auto reader = log_.read(topic, shard_, stamp);
  if (!reader && reader.error().code == errc::offset_out_of_range) {
    WEIR_TRY_VOID(store_.wipe_view(shard_, view));
    reader = log_.read(topic, shard_, bounds.start);
  }
  if (!reader) return fail(std::move(reader).error());
  for (std::size_t came = 1; came > 0;) {
    WEIR_TRY(bytes, take_rows(**reader, view, kind));
    came = bytes;
  }
  return {};
}

result<std::size_t> shard_tail::take_rows(log_reader& from, std::string_view view, topic_kind kind) {
  WEIR_TRY(entries, from.fetch(fetch_bytes));
  if (entries.empty()) return 0;
  const auto topic = topic::view(app_, view);
  state_delta delta;
  WEIR_TRY(changelog_next, store_.changelog_stamp(shard_));
  delta.changelog_next = changelog_next;
  for (const auto& e : entries) {
    std::optional<std::string_view> value;
    if (e.value) value = *e.value;
    const log_append entry{topic, shard_, e.key, value, e.header, e.timestamp_us};
    if (auto row = row_of(view, entry, e.offset, kind == topic_kind::append)) delta.rows.push_back(*row);
  }
  delta.view_next.emplace_back(view, entries.back().offset + 1);
  WEIR_TRY_VOID(store_.apply(shard_, delta));
  return bytes_of(entries);
}

result<bool> shard_tail::follow(const control_plan& plan) {
  at_end_ = false;
  std::int64_t end = 0;
  const bool lacks = tasks_.lacks(plan);
  if (lacks) {
    WEIR_TRY(bounds, log_.bounds(changelog_topic_, shard_));
    end = bounds.end;
  }
  WEIR_TRY(more, follow_changelog());
  at_end_ = lacks && !more && changelog_ && changelog_->position() >= end;
  for (const auto& [pipeline, planned] : plan.pipelines)
    for (const auto& view : planned.views) {
      WEIR_TRY(more_rows, follow_view(view.name, making_of(planned.record), kind_of(view)));
      more = more || more_rows;
    }
  std::erase_if(views_, [&](const auto& one) { return !plan.names.views.contains(one.first); });
  return more;
}

// None: its beginning does not show yet.
result<std::unique_ptr<log_reader>> shard_tail::reader_at(const std::string& topic, std::int64_t from) {
  WEIR_TRY(bounds, log_.bounds(topic, shard_));
  if (from > bounds.end) return std::unique_ptr<log_reader>();
  return log_.read(topic, shard_, from);
}

result<bool> shard_tail::follow_changelog() {
  if (!changelog_) {
    WEIR_TRY(stamp, store_.changelog_stamp(shard_));
    auto reader = reader_at(changelog_topic_, stamp);
    if (!reader && reader.error().code == errc::offset_out_of_range) {
      WEIR_TRY_VOID(wipe());
      reader = log_.read(changelog_topic_, shard_, 0);
    }
    if (!reader) return fail(std::move(reader).error());
    if (!*reader) return false;
    changelog_ = std::move(*reader);
  }
  auto came = take_changes(*changelog_);
  if (came) return *came >= fetch_bytes;
  changelog_.reset();
  return fail(std::move(came).error());
}

result<bool> shard_tail::follow_view(const std::string& view, std::int64_t making, topic_kind kind) {
  auto& followed = views_[view];
  if (followed.making != making) followed = {making, nullptr};
  auto& reader = followed.reader;
  if (!reader) {
    WEIR_TRY_VOID(settle_view(view, making));
    const auto topic = topic::view(app_, view);
    WEIR_TRY(stamp, store_.view_stamp(shard_, view));
    const auto bounds = log_.bounds(topic, shard_);
    if (!bounds && bounds.error().code == errc::not_found) return false;  // its owner makes it just now
    if (!bounds) return fail(bounds.error());
    if (kind == topic_kind::append) stamp = std::max(stamp, bounds->start);
    if (stamp > bounds->end) return false;
    auto made = log_.read(topic, shard_, stamp);
    if (!made && made.error().code == errc::offset_out_of_range) {
      WEIR_TRY_VOID(store_.wipe_view(shard_, view));
      made = log_.read(topic, shard_, bounds->start);
    }
    if (!made) return fail(std::move(made).error());
    reader = std::move(*made);
  }
  auto came = take_rows(*reader, view, kind);
  if (came) return *came >= fetch_bytes;
  reader.reset();
  return fail(std::move(came).error());
}

}  // namespace weir
