#include "tests/support/fake_node.hpp"

namespace weir {

void fake_view::append(live_row::kind what, const nlohmann::json& row) {
  const std::lock_guard lock(mutex);
  log.push_back({what, 0, static_cast<std::int64_t>(log.size()), std::make_shared<const std::string>(row.dump())});
  if (what == live_row::kind::row) rows.push_back(row);
  for (const auto& [who, wake] : waiting) wake();
}

fake_cursor::fake_cursor(std::shared_ptr<fake_view> view, std::int64_t at) : view_(std::move(view)), at_(at) {}

fake_cursor::~fake_cursor() {
  const std::lock_guard lock(view_->mutex);
  view_->waiting.erase(this);
}

result<live_rows> fake_cursor::next(std::size_t max_rows) {
  const std::lock_guard lock(view_->mutex);
  if (at_ < view_->first) return fail(errc::offset_out_of_range, "rows before {} are gone", view_->first.load());
  const auto count = std::min<std::size_t>(max_rows, view_->log.size() - static_cast<std::size_t>(at_));
  const auto begin = view_->log.begin() + at_;
  at_ += static_cast<std::int64_t>(count);
  return live_rows({begin, begin + static_cast<std::ptrdiff_t>(count)}, token());
}

std::string fake_cursor::token() const { return fmt::format("o{}", at_); }

std::uint64_t fake_cursor::backlog() const {
  const std::lock_guard lock(view_->mutex);
  return view_->log.size() - static_cast<std::size_t>(at_);
}

std::uint64_t fake_cursor::skip_to_end() {
  const std::lock_guard lock(view_->mutex);
  const auto skipped = view_->log.size() - static_cast<std::size_t>(at_);
  at_ = static_cast<std::int64_t>(view_->log.size());
  return skipped;
}

void fake_cursor::on_more(std::function<void()> wake) {
  const std::lock_guard lock(view_->mutex);
  view_->waiting[this] = std::move(wake);
}

void fake_node::add_one_of_each() {
  streams["camera"] = {{"name", "camera"}, {"format", "json"}};
  records["camera"] = {{{"source", "a"}, {"sequence", 1}, {"record", "x,\"y\""}},
                       {{"source", "a"}, {"sequence", 2}, {"record", "z"}}};
  sources["cam1"] = {{"name", "cam1"}, {"stream", "camera"}, {"connector", "file"}, {"state", "running"}};
  pipelines["socks"] = {{"name", "socks"}, {"state", "running"}};
  letters["camera"] = {{{"id", "3-1"}, {"reason", "no JSON"}, {"record", "{"}}};
}

fake_view& fake_node::add_view(const std::string& name, const char* kind, json columns, json key) {
  auto view = std::make_shared<fake_view>();
  view->description = {
      {"name", name},      {"kind", kind}, {"columns", std::move(columns)}, {"key", key}, {"sql", "SELECT " + name},
      {"pipeline", "demo"}};
  views[name] = view;
  return *view;
}

std::vector<std::string> fake_node::commands() const {
  const std::lock_guard lock(mutex_);
  return commands_;
}

void fake_node::release_replies() {
  std::vector<std::function<void()>> held;
  {
    const std::lock_guard lock(mutex_);
    held.swap(held_);
  }
  for (const auto& reply_now : held) reply_now();
}

node_api::json fake_node::node_status() {
  const std::lock_guard lock(mutex_);
  return {{"version", "0.1.0"},
          {"node", "node-1"},
          {"uptime_s", uptime_s.load()},
          {"log", {{"kind", "local"}, {"durability", "process"}}},
          {"shards", {{{"shard", 0}, {"state", "running"}}, {{"shard", 1}, {"state", "running"}}}}};
}

node_api::json fake_node::list_streams() { return values(streams); }
result<node_api::json> fake_node::get_stream(std::string_view name) { return get(streams, "stream", name); }

result<node_api::json> fake_node::stream_records(std::string_view name, const page_request& page) {
  WEIR_TRY(stream, get(streams, "stream", name));
  return paged(records[std::string(name)], page);
}

node_api::json fake_node::list_sources(const page_request& page) { return paged(values(sources), page); }
result<node_api::json> fake_node::get_source(std::string_view name) { return get(sources, "source", name); }

void fake_node::add_sources(std::vector<source_request> several, reply done) {
  std::string names;
  for (const auto& one : several) names += (names.empty() ? "" : ",") + one.name;
  if (names == "taken") return done(fail(errc::already_exists, "source 'taken' exists"));
  const std::lock_guard lock(mutex_);
  for (const auto& one : several) {
    sources[one.name] = {{"name", one.name},
                         {"stream", one.stream},
                         {"connector", one.connector},
                         {"options", one.options},
                         {"state", "running"}};
  }
  finish_locked("add " + names, {{"added", several.size()}}, done);
}

void fake_node::post_records(posted_records r, reply done) {
  const std::lock_guard lock(mutex_);
  posted.push_back(r);
  if (r.stream == "absent") return done(fail(errc::not_found, "there is no stream '{}'", r.stream));
  if (r.stream == "lost") return done(fail(errc::unknown_outcome, "the shard stopped"));
  if (r.media == body_media::bytes) return done(fail(errc::unsupported, "no body for this stream"));
  finish_locked("post " + r.stream, {{"accepted", 1}, {"dead", 0}}, done);
}

void fake_node::test_source(source_request s, reply done) {
  finish("test " + s.name + " " + s.stream + " " + s.connector, {{"records", 0}}, done);
}

void fake_node::set_source_paused(std::string name, bool paused, reply done) {
  finish((paused ? "pause " : "resume ") + name, {{"name", name}}, done);
}

void fake_node::remove_source(std::string name, reply done) { finish("remove " + name, {{"name", name}}, done); }
node_api::json fake_node::connector_kinds() { return {{{"name", "file"}}, {{"name", "simulate"}}}; }

node_api::json fake_node::list_views() {
  json out = json::array();
  for (const auto& [name, view] : views) out.push_back(view->description);
  return out;
}

result<node_api::json> fake_node::get_view(std::string_view name) {
  WEIR_TRY(view, find_view(name));
  return view->description;
}

result<node_api::json> fake_node::view_rows(std::string_view name, const row_query& query) {
  WEIR_TRY(view, find_view(name));
  const std::lock_guard lock(view->mutex);
  std::vector<json> chosen;
  for (const auto& row : view->rows) {
    const bool fits = std::all_of(query.key.begin(), query.key.end(), [&](const auto& part) {
      return row.contains(part.first) && (row[part.first] == part.second || row[part.first].dump() == part.second);
    });
    if (fits) chosen.push_back(row);
  }
  if (query.newest_first) std::reverse(chosen.begin(), chosen.end());
  return paged(chosen, query.page);
}

result<node_api::json> fake_node::query(std::string_view sql) {
  if (sql == "SELECT broken") {
    return with_hint(fail(errc::invalid_argument, "line 1, column 8: no column 'broken'"), "did you mean 'b'?");
  }
  return json{{"columns", {{{"name", "z"}, {"type", "text"}}, {{"name", "a"}, {"type", "bigint"}}}},
              {"rows", {{"x, \"y\"", 1}, {nullptr, 2}}}};
}

result<std::unique_ptr<live_cursor>> fake_node::open_live(std::string_view name, std::string_view token) {
  WEIR_TRY(view, find_view(name));
  std::int64_t at = 0;
  const std::lock_guard lock(view->mutex);
  const auto end = static_cast<std::int64_t>(view->log.size());
  if (token.empty()) at = end;
  if (token == "start") at = view->first;
  if (!token.empty() && token != "start") {
    if (token.front() != 'o' || token.size() < 2 || token.find_first_not_of("0123456789", 1) != token.npos) {
      return fail(errc::invalid_argument, "'{}' is no token of this view", token);
    }
    at = std::atoll(std::string(token.substr(1)).c_str());
    if (at < view->first || at > end) return fail(errc::offset_out_of_range, "position {} is gone", at);
  }
  return std::unique_ptr<live_cursor>(std::make_unique<fake_cursor>(view, at));
}

node_api::json fake_node::list_pipelines() { return values(pipelines); }
result<node_api::json> fake_node::get_pipeline(std::string_view name) { return get(pipelines, "pipeline", name); }

void fake_node::apply_pipeline(pipeline_request request, reply done) {
  finish("apply " + request.name + (request.replace ? " replace" : "") + (request.from_beginning ? "" : " end"),
         {{"name", request.name}}, done);
}

void fake_node::drop_pipeline(std::string name, reply done) { finish("drop " + name, {{"name", name}}, done); }
void fake_node::resume_pipeline(std::string name, reply done) { finish("resume " + name, {{"name", name}}, done); }

node_api::json fake_node::validate_sql(std::string_view sql) {
  return {{"ok", sql != "bad"}, {"errors", json::array()}, {"plan", json::array()}};
}

result<node_api::json> fake_node::dead_letters(std::string_view name, bool late, const page_request& page) {
  return paged(letters[std::string(name) + (late ? ".late" : "")], page);
}

result<node_api::json> fake_node::get_dead_letter(std::string_view name, std::string_view id) {
  for (const auto& letter : letters[std::string(name)]) {
    if (letter["id"] == id) return letter;
  }
  return fail(errc::not_found, "no dead letter '{}' in '{}'", id, name);
}

void fake_node::retry_dead_letter(std::string name, std::string id, std::optional<std::string> record, reply done) {
  finish("retry " + name + " " + id + " " + record.value_or("-"), {{"id", id}}, done);
}

std::string fake_node::metrics_text() { return "# TYPE weir_fake gauge\nweir_fake 1\n"; }
health fake_node::live() { return {healthy, {{"shards", healthy ? "ok" : "shard 1 is stuck"}}}; }
health fake_node::ready() { return {healthy, {{"log", "ok"}, {"shards", healthy ? "ok" : "shard 1 is stuck"}}}; }

std::vector<node_api::json> fake_node::values(const std::map<std::string, json>& of) {
  std::vector<json> out;
  for (const auto& [name, value] : of) out.push_back(value);
  return out;
}

result<node_api::json> fake_node::get(const std::map<std::string, json>& of, const char* what, std::string_view name) {
  const auto found = of.find(std::string(name));
  if (found == of.end()) return fail(errc::not_found, "there is no {} '{}'", what, name);
  return found->second;
}

result<std::shared_ptr<fake_view>> fake_node::find_view(std::string_view name) const {
  const auto found = views.find(std::string(name));
  if (found == views.end()) return fail(errc::not_found, "there is no view '{}'", name);
  return found->second;
}

node_api::json fake_node::paged(const std::vector<json>& all, const page_request& page) {
  const auto begin = std::min<std::size_t>(page.after.empty() ? 0 : std::stoul(page.after), all.size());
  const auto end = std::min(begin + page.limit, all.size());
  const json next = end < all.size() ? json(std::to_string(end)) : json();
  return {{"items", std::vector<json>(all.begin() + static_cast<std::ptrdiff_t>(begin),
                                      all.begin() + static_cast<std::ptrdiff_t>(end))},
          {"next", next}};
}

void fake_node::finish(std::string command, json answer, const reply& done) {
  const std::lock_guard lock(mutex_);
  finish_locked(std::move(command), std::move(answer), done);
}

void fake_node::finish_locked(std::string command, json answer, const reply& done) {
  commands_.push_back(std::move(command));
  if (!holds_replies) return done(std::move(answer));
  held_.push_back([done, answer = std::move(answer)] { done(answer); });
}

}  // namespace weir
