// Records to JSON and back, and the fold over them.
#include "cluster/control_state.hpp"

#include "cluster/record_json.hpp"
#include "runtime/batch/key_codec.hpp"

namespace weir {
namespace {

using json = nlohmann::json;

std::string removed_value(std::uint64_t incarnation) { return dump({{"removed", true}, {"incarnation", incarnation}}); }

bool fold_stream(control_state& state, std::string_view name, const std::optional<std::string>& value) {
  if (!value) {
    if (const auto it = state.streams.find(name); it != state.streams.end()) state.streams.erase(it);
    return true;
  }
  record_reader in(value);
  stream_record r{std::string(name), in.text("sql"), in.text("pipeline"), in.texts_or_none("settled")};
  if (!in.ok()) return false;
  state.streams[r.name] = std::move(r);
  return true;
}

// A record of a pipeline or source; its removal keeps the incarnation. `read` takes what else it says.
template <class Record, class Removed, class Read>
bool fold_named(std::map<std::string, Record, std::less<>>& records, Removed& removed_ones, std::string_view name,
                const std::optional<std::string>& value, Read read) {
  Record r;
  r.name = name;
  bool removed = false;
  if (value) {
    record_reader in(value);
    removed = in.removed();
    r.incarnation = in.number("incarnation");
    if (!removed) read(in, r);
    if (!in.ok()) return false;
  }
  records.erase(r.name);
  removed_ones.erase(r.name);
  if (removed) removed_ones[r.name] = r.incarnation;
  if (value && !removed) records[r.name] = std::move(r);
  return true;
}

bool fold_pipeline(control_state& state, std::string_view name, const std::optional<std::string>& value) {
  return fold_named(state.pipelines, state.removed_pipelines, name, value, [](record_reader& in, pipeline_record& r) {
    r.sql = in.text("sql");
    r.first_incarnation = in.number("first_incarnation");
    r.from_beginning = in.flag("from_beginning");
    r.state = in.state("state");
    r.error = in.text("error");
    r.settled = in.texts_by_name("settled");
  });
}

bool fold_source(control_state& state, std::string_view name, const std::optional<std::string>& value) {
  return fold_named(state.sources, state.removed_sources, name, value, [](record_reader& in, source_record& r) {
    r.stream = in.text("stream");
    r.connector = in.text("connector");
    r.options = in.texts("options");
    r.state = in.state("state");
  });
}

bool fold_deployment(control_state& state, const std::optional<std::string>& value) {
  if (!value) {
    state.deployment = {};
    return true;
  }
  constexpr std::uint64_t most = 1'000'000;
  record_reader in(value);
  deployment_record r{static_cast<int>(in.number("shards", most)),
                      static_cast<int>(in.number("shuffle_partitions", most))};
  // Deployments that were made before there was a choice have a writer for each shard.
  if (in.has("shards_per_writer")) r.shards_per_writer = static_cast<int>(in.number("shards_per_writer", most));
  if (!in.ok() || r.shards < 1 || r.shuffle_partitions < 1 || r.shards_per_writer < 1) return false;
  state.deployment = r;
  return true;
}

// False when the value is no record of this kind.
bool fold_kind(control_state& state, std::string_view kind, std::string_view name, const log_entry& entry) {
  if (kind == "stream") return fold_stream(state, name, entry.value);
  if (kind == "pipeline") return fold_pipeline(state, name, entry.value);
  if (kind == "source") return fold_source(state, name, entry.value);
  if (is_member_kind(kind)) return fold_member(state.members, kind, name, entry);
  if (entry.key == "deployment") return fold_deployment(state, entry.value);
  if (entry.value) {
    state.unknown.insert(entry.key);
  } else {
    state.unknown.erase(entry.key);
  }
  return true;
}

}  // namespace

std::string_view to_string(run_state s) {
  switch (s) {
    case run_state::running: return "running";
    case run_state::paused: return "paused";
    case run_state::quarantined: return "quarantined";
  }
  return "?";
}

status fold_control(control_state& state, const log_entry& entry) {
  if (entry.offset <= state.offset) return {};
  const std::string_view key = entry.key;
  const std::size_t slash = key.find('/');
  const std::string_view kind = key.substr(0, slash);
  const std::string_view name = slash == std::string_view::npos ? std::string_view() : key.substr(slash + 1);
  const bool named = kind == "stream" || kind == "pipeline" || kind == "source" || is_member_kind(kind);
  const bool good = !(named && name.empty()) && fold_kind(state, kind, name, entry);
  if (!good) {
    return fail(errc::corrupt, "control record '{}' at offset {} is no {} record", key, entry.offset, kind);
  }
  state.offset = entry.offset;
  return {};
}

bool is_record_text(std::string_view text) {
  const std::string written = json(text).dump(-1, ' ', false, json::error_handler_t::ignore);
  return json::parse(written).get_ref<const std::string&>() == text;
}

control_record to_record(const stream_record& r) {
  json out{{"sql", r.sql}, {"pipeline", r.pipeline}};
  if (!r.settled.empty()) out["settled"] = r.settled;
  return {"stream/" + r.name, dump(out)};
}

control_record to_record(const pipeline_record& r) {
  json out{{"sql", r.sql},
           {"incarnation", r.incarnation},
           {"first_incarnation", r.first_incarnation},
           {"from_beginning", r.from_beginning},
           {"state", to_string(r.state)},
           {"error", r.error}};
  if (!r.settled.empty()) out["settled"] = r.settled;
  return {"pipeline/" + r.name, dump(out)};
}

control_record to_record(const source_record& r) {
  return {"source/" + r.name, dump({{"stream", r.stream},
                                    {"connector", r.connector},
                                    {"options", r.options},
                                    {"state", to_string(r.state)},
                                    {"incarnation", r.incarnation}})};
}

control_record to_record(const deployment_record& r) {
  return {"deployment", dump({{"shards", r.shards},
                              {"shuffle_partitions", r.shuffle_partitions},
                              {"shards_per_writer", r.shards_per_writer}})};
}

control_record removal(std::string_view kind, std::string_view name) {
  return {fmt::format("{}/{}", kind, name), std::nullopt};
}

control_record removal(const pipeline_record& r) { return {"pipeline/" + r.name, removed_value(r.incarnation)}; }

control_record removal(const source_record& r) { return {"source/" + r.name, removed_value(r.incarnation)}; }

int shard_of_source(std::string_view source, int shards) {
  return static_cast<int>(stable_hash(source) % static_cast<std::uint64_t>(shards));
}

}  // namespace weir
