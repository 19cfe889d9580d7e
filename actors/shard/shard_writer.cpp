#include "actors/shard/shard_writer.hpp"

#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "actors/shard/shard_tail.hpp"
#include "actors/shard/task_node.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/fault/fault_points.hpp"
#include "runtime/fault/one_transaction.hpp"
#include "runtime/fault/protocol_rules.hpp"

namespace weir {

namespace {

constexpr std::size_t attempts_bytes = std::size_t{8} << 20;

// All in one transaction; a switch that is off parts outputs, the first entries, from positions.
result<std::vector<std::int64_t>> commit_all(log_writer& to, std::span<const log_append> all, std::size_t outputs) {
  const bool outputs_first = !rule_on(outputs_with_positions);
  if (!outputs_first && rule_on(positions_with_outputs)) return to.commit(all);
  auto first = all.first(outputs), second = all.subspan(outputs);
  if (!outputs_first) std::swap(first, second);
  WEIR_TRY(offsets, to.commit(first));
  kill_point("writer.after_log_commit");
  WEIR_TRY(others, to.commit(second));
  offsets.insert(outputs_first ? offsets.end() : offsets.begin(), others.begin(), others.end());
  return offsets;
}

}  // namespace

// The appends of a transaction, in the order that the log gets them.
struct shard_writer::flat {
  std::vector<log_append> appends;
  std::vector<bool> fresh;  // per append, as long as these are no state changes
};

shard_writer::shard_writer(std::string app, int shard, event_log& log, state_store& store,
                           std::shared_ptr<writer_group> writers)
    : app_(std::move(app)),
      changelog_(topic::changelog(app_)),
      view_prefix_(topic::view(app_, "")),
      shuffle_prefix_(app_ + ".shuffle."),
      stream_prefix_(topic::stream(app_, "")),
      shard_(shard),
      log_(log),
      store_(store),
      writers_(std::move(writers)) {}

std::string_view shard_writer::view_of(std::string_view topic) const {
  return topic.starts_with(view_prefix_) ? topic.substr(view_prefix_.size()) : std::string_view{};
}

status shard_writer::open(const control_plan& plan, shard_tail& tail) {
  writer_.reset();
  stands_ = false;
  WEIR_TRY(writer, writers_ ? writers_->open(shard_) : log_.open_writer(topic::shard_writer(app_, shard_)));
  writer_ = std::move(writer);
  kill_point("open.after_fence");
  // Opening has aborted or settled whatever was under way, so the changelog's end is certain (PROTOCOL 8).
  WEIR_TRY_VOID(tail.catch_up(plan));
  kill_point("open.after_restore");
  return {};
}

shard_writer::flat shard_writer::flatten(const std::vector<const epoch*>& epochs) const {
  flat f;
  for (const auto* e : epochs)
    for (const auto& a : e->appends) {
      std::optional<std::string_view> value;
      if (a.value) value = *a.value;
      f.appends.push_back({a.topic, a.partition, a.key, value, a.header, a.timestamp_us});
      f.fresh.push_back(a.fresh);
    }
  for (const auto* e : epochs)
    for (const auto& c : e->changes) {
      std::optional<std::string_view> value;
      if (c.value) value = *c.value;
      f.appends.push_back({changelog_, shard_, c.key, value, {}, 0});
    }
  return f;
}

result<commit_outcome> shard_writer::commit(const std::vector<epoch>& epochs) {
  stands_ = false;
  commit_outcome outcome;
  outcome.epochs.assign(epochs.size(), status{});
  std::vector<const epoch*> all;
  for (const auto& e : epochs) all.push_back(&e);
  auto together = commit_together(all, outcome);
  if (together) return outcome;
  if (together.error().code != errc::rejected) return fail(std::move(together).error());
  if (!rule_on(7)) return fail(std::move(together).error());
  // Someone's epoch is not acceptable: each alone, so that only that one is charged (PROTOCOL 7). A pipeline's later
  // epochs fall with its first refused one.
  std::map<std::string, error> refused;
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    if (const auto it = refused.find(epochs[i].pipeline); it != refused.end()) {
      outcome.epochs[i] = fail(it->second);
      continue;
    }
    auto alone = commit_together({&epochs[i]}, outcome);
    if (alone) continue;
    if (alone.error().code != errc::rejected) return fail(std::move(alone).error());
    refused.emplace(epochs[i].pipeline, alone.error());
    outcome.epochs[i] = std::move(alone);
  }
  return outcome;
}

status shard_writer::commit_together(const std::vector<const epoch*>& epochs, commit_outcome& outcome) {
  const auto f = flatten(epochs);
  if (f.appends.empty()) return {};
  kill_point("writer.before_log_commit");
  WEIR_TRY(offsets, commit_all(*writer_, f.appends, f.fresh.size()));
  kill_point("writer.after_log_commit");
  stands_ = true;
  WEIR_TRY_VOID(apply(f, offsets, outcome));
  kill_point("writer.after_state_write");
  return {};
}

status shard_writer::apply(const flat& f, const std::vector<std::int64_t>& offsets, commit_outcome& outcome) {
  state_delta delta;
  WEIR_TRY(stamp, store_.changelog_stamp(shard_));
  delta.changelog_next = stamp;
  std::map<std::string_view, std::int64_t> view_next;
  struct growth {
    std::int64_t end = 0;
    bool rows = false;
  };
  std::map<std::pair<std::string_view, int>, growth> grown;
  std::set<std::string_view> streams;
  for (std::size_t i = 0; i < f.appends.size(); ++i) {
    const auto& a = f.appends[i];
    if (a.topic == changelog_) {
      delta.changes.push_back({a.key, a.value});
      delta.changelog_next = offsets[i] + 1;
    } else if (const auto view = view_of(a.topic); !view.empty()) {
      auto& of_view = grown[{a.topic, a.partition}];
      if (auto row = row_of(view, a, offsets[i], f.fresh[i])) {
        delta.rows.push_back(*row);
        of_view.rows = true;
      }
      view_next[view] = of_view.end = offsets[i] + 1;
    } else if (a.topic.starts_with(shuffle_prefix_)) {
      grown[{a.topic, a.partition}].end = offsets[i] + 1;
    } else if (a.topic.starts_with(stream_prefix_) && streams.insert(a.topic).second) {
      if (const auto numbers = decode_entry_header(a.header))
        outcome.streams.push_back({std::string(a.topic), numbers->first, offsets[i]});
    }
  }
  for (const auto& [view, next] : view_next) delta.view_next.emplace_back(view, next);
  for (const auto& [at, by] : grown) outcome.grown.push_back({std::string(at.first), at.second, by.end, by.rows});
  return store_.apply(shard_, delta);
}

status shard_writer::count_attempt(std::string_view pipeline, const attempt& a) {
  const auto value =
      nlohmann::json{{"stream", a.stream}, {"position", a.position}, {"length", a.length}, {"count", a.count}}.dump();
  const auto topic = topic::attempts(app_);
  const log_append append{topic, shard_, pipeline, value, {}, 0};
  WEIR_TRY_VOID(writer_->commit({&append, 1}));
  kill_point("attempt.after_count");
  return {};
}

result<std::map<std::string, attempt>> shard_writer::read_attempts() {
  std::map<std::string, attempt> out;
  WEIR_TRY(reader, log_.read(topic::attempts(app_), shard_, 0));
  for (;;) {
    WEIR_TRY(entries, reader->fetch(attempts_bytes));
    if (entries.empty()) return out;
    for (const auto& e : entries) {
      if (!e.value) {  // a successor has begun afresh
        out.erase(e.key);
        continue;
      }
      const auto j = nlohmann::json::parse(*e.value, nullptr, false);
      if (!j.is_object()) return fail(errc::corrupt, "the attempts of pipeline {} cannot be read", e.key);
      out[e.key] = {j.value("stream", ""), j.value("position", std::uint64_t{0}), j.value("length", std::uint64_t{0}),
                    j.value("count", std::uint64_t{0})};
    }
  }
}

std::vector<topic_config> topics_of(std::string_view app, int shards, const control_plan& plan,
                                    std::int64_t retention_ms, std::int64_t retention_bytes) {
  std::vector<topic_config> out;
  const auto add = [&](std::string name, topic_kind kind, std::int64_t own_retention_ms = 0) {
    const bool append = kind == topic_kind::append;
    const auto keep_ms = own_retention_ms > 0 ? own_retention_ms : retention_ms;
    out.push_back({std::move(name), shards, kind, append ? keep_ms : 0, append ? retention_bytes : 0});
  };
  add(topic::changelog(app), topic_kind::compacted);
  add(topic::attempts(app), topic_kind::compacted);
  for (const auto& [name, stream] : plan.names.streams) {
    add(topic::stream(app, name), topic_kind::append, stream.retention_us / 1'000);
    add(topic::dead(app, name), topic_kind::append);
  }
  for (const auto& [pipeline, planned] : plan.pipelines)
    for (const auto& view : planned.views) {
      const bool upsert = view.kind == view_kind::upsert;
      add(topic::view(app, view.name), upsert ? topic_kind::compacted : topic_kind::append);
      if (!view.topic.empty()) add(view.topic, upsert ? topic_kind::compacted : topic_kind::append);
      add(topic::late(app, view.name), topic_kind::append);
      add(topic::refused(app, view.name), topic_kind::append);
      if (needs_shuffle(view))
        add(topic::shuffle(app, pipeline, view.name, planned.record.incarnation), topic_kind::append);
    }
  return out;
}

status create_topics(event_log& log, std::string_view app, int shards, const control_plan& plan,
                     std::int64_t retention_ms, std::int64_t retention_bytes) {
  for (const auto& topic : topics_of(app, shards, plan, retention_ms, retention_bytes))
    WEIR_TRY_VOID(log.create_topic(topic));
  return {};
}

}  // namespace weir
