// What people and programs write as text: control records, tokens, positions, configuration.
#include "actors/gateway/access.hpp"
#include "actors/live_view.hpp"
#include "actors/newest_entries.hpp"
#include "actors/opaque_token.hpp"
#include "actors/source/file_access.hpp"
#include "actors/source/file_position.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/config/config.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/log/sim_log.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/pipelines.hpp"

namespace weir::fuzz {

namespace {

void require_text(const error& e) {
  require(!e.message.empty() && is_valid_utf8(e.text()), "an error is no text: {}", quoted_excerpt(e.text()));
}

// The state as records again, folded from nothing.
void check_rewritten(const control_state& state) {
  std::vector<control_record> records;
  if (state.deployment.shards > 0) records.push_back(to_record(state.deployment));
  for (const auto& [name, r] : state.streams) records.push_back(to_record(r));
  for (const auto& [name, r] : state.pipelines) records.push_back(to_record(r));
  for (const auto& [name, r] : state.sources) records.push_back(to_record(r));
  for (const auto& [name, incarnation] : state.removed_pipelines)
    records.push_back(removal(pipeline_record{.name = name, .incarnation = incarnation}));
  for (const auto& [name, incarnation] : state.removed_sources)
    records.push_back(removal(source_record{.name = name, .incarnation = incarnation}));
  for (const auto& key : state.unknown) records.push_back({key, ""});
  control_state again;
  for (const auto& r : records)
    require(fold_control(again, {again.offset + 1, r.key, r.value, {}, 0}).has_value(), "record '{}' is refused",
            r.key);
  again.offset = state.offset;
  again.members = state.members;  // signs of life hold the offsets that they came at, and are never written anew
  require(again == state, "a state written as records folds into another");
}

// Commands answer records that fold, or say why not.
void check_commands(const control_state& state, std::string_view text) {
  const auto plan = plan_control(state);
  if (!plan) return require_text(plan.error());
  input in(text);
  const std::string name(in.line()), more(in.rest());
  const source_record source{name, "camera", "file", {{"path", more}, {name, "x"}}};
  const result<std::vector<control_record>> answers[] = {
      apply_pipeline(**plan, name, more, false, true),
      drop_pipeline(**plan, name),
      add_sources(**plan, {source}),
      set_source_state(**plan, name, run_state::paused),
      remove_source(**plan, name),
      set_pipeline_state(**plan, name, run_state::quarantined, more),
  };
  for (const auto& records : answers) {
    if (!records) {
      require(!records.error().message.empty(), "a refusal without a word");
      continue;
    }
    auto after = state;
    for (const auto& r : *records)
      require(fold_control(after, {after.offset + 1, r.key, r.value, {}, 0}).has_value(),
              "a command's record is refused");
    check_rewritten(after);
  }
}

// Logs of two views of the control state with a few rows each.
struct view_logs {
  view_logs() {
    for (const auto* view : {"v", "u"}) {
      const auto kind =
          control().names.views.at(view).kind == view_kind::upsert ? topic_kind::compacted : topic_kind::append;
      require(log.create_topic({topic::view("weir", view), 2, kind}).has_value(), "a view's topic is refused");
      auto writer = std::move(*log.open_writer("fuzz"));
      const auto name = topic::view("weir", view);
      for (int row = 0; row < 5; ++row) {
        const auto key = fmt::format("k{}", row);
        const log_append a{name, row % 2, key, R"({"k":"x"})", "r", 0};
        require(writer->commit(std::span(&a, 1)).has_value(), "a row is refused");
      }
    }
  }
  sim_log log;
  live_hub hub;
};

void check_live_token(view_logs& logs, const char* view, std::string_view token) {
  const auto& plan = control().names.views.at(view);
  const live_view_source from{logs.log, logs.hub,
                              std::make_shared<live_feed>(logs.log, topic::view("weir", view), plan, 2), 2};
  const auto opened = live_view::open(from, plan, 1, token);
  if (!opened) return require_text(opened.error());
  for (int i = 0; i < 20; ++i) {
    const auto rows = (*opened)->next(3);
    if (!rows || rows->empty()) break;
  }
  (*opened)->backlog();
  const auto again = live_view::open(from, plan, 1, (*opened)->token());
  require(again && (*again)->token() == (*opened)->token(), "a cursor's own token is refused");
}

void check_session(std::string_view text) {
  gateway_options options;
  options.token = "secret";
  access_control access(options, 8420);
  const auto now = access_control::clock::time_point(std::chrono::seconds(1'700'000'000));
  http_request request;
  request.cookie = text;
  require(access.authenticate(request, {}, true, now) == credential::none, "a made-up cookie opens the node");
  request.cookie = "weir_session_8420=" + std::string(text);
  require(access.authenticate(request, {}, true, now) == credential::none, "a made-up session opens the node");
  request.cookie.clear();
  if (text == "secret") return;
  request.authorization = "Bearer " + std::string(text);
  require(access.authenticate(request, {{"ticket", std::string(text)}}, true, now) == credential::none,
          "a made-up token opens the node");
  request.host = request.origin = text;
  (void)access.check_address(request);
}

}  // namespace

// Lines "key value" or "key" (a tombstone), an empty line, then a command's arguments.
void run_control(std::string_view bytes) {
  input in(bytes);
  control_state state;
  std::map<std::string, log_entry> newest;
  for (auto line = in.line(); !line.empty(); line = in.line()) {
    const auto space = line.find(' ');
    log_entry e{state.offset + 1, std::string(line.substr(0, space)), std::nullopt, {}, 0};
    if (space != line.npos) e.value = line.substr(space + 1);
    const auto before = state;
    const auto done = fold_control(state, e);
    if (done) {
      newest[e.key] = e;
      continue;
    }
    require(done.error().code == errc::corrupt && state == before, "a refused record changed the state");
  }
  std::vector<log_entry> compacted;
  for (auto& [key, entry] : newest) compacted.push_back(std::move(entry));
  std::sort(compacted.begin(), compacted.end(), [](auto& a, auto& b) { return a.offset < b.offset; });
  control_state folded;
  for (const auto& e : compacted) require(fold_control(folded, e).has_value(), "a compacted record is refused");
  folded.offset = state.offset;
  require(folded == state, "the compacted log folds into another state");
  check_rewritten(state);
  check_commands(state, in.rest());
}

// One token, whatever it is meant for.
void run_tokens(std::string_view bytes) {
  static view_logs logs;
  check_live_token(logs, "v", bytes);
  check_live_token(logs, "u", bytes);
  if (const auto page = from_page_token("weir.dead.t", 2, bytes))
    require(from_page_token("weir.dead.t", 2, to_page_token("weir.dead.t", *page)) == *page,
            "a page token does not come back");
  if (!bytes.empty())
    if (const auto inside = from_token(bytes.front(), bytes))
      require(to_token(bytes.front(), *inside) == bytes, "a token has a second spelling");
  require(from_token('p', to_token('p', bytes)) == bytes, "bytes do not come back from their token");
  const auto page = to_page_token(bytes, {0, -1, 7});
  require(from_page_token(bytes, 3, page) == back_positions({0, -1, 7}), "positions do not come back");
  check_session(bytes);
}

// A file source's position; then the same bytes as a file's name.
void run_positions(std::string_view bytes) {
  if (const auto position = decode_position(bytes)) {
    const auto again = decode_position(encode_position(*position));
    require(again && *again == *position, "a position does not come back");
  } else {
    require(position.error().code == errc::corrupt, "a damaged position is called {}",
            to_string(position.error().code));
  }
  const auto name = unescape_name(escape_name(bytes));
  require(name && *name == bytes, "a name does not come back");
  if (const auto unescaped = unescape_name(bytes))
    require(unescape_name(escape_name(*unescaped)) == *unescaped, "an unescaped name does not come back");
}

void run_config(std::string_view bytes) {
  const auto read = parse_config(bytes, "fuzz.toml");
  if (!read) return require_text(read.error());
  require(check(*read).has_value(), "a configuration that was taken contradicts itself");
}

}  // namespace weir::fuzz
