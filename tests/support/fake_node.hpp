// A node in memory for tests of what talks to a node: views are lists that a test appends to, commands are noted.
#pragma once

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include "actors/gateway/node_api.hpp"

namespace weir {

// A view's committed rows and those who wait for more.
struct fake_view {
  nlohmann::json description;
  std::mutex mutex;
  std::atomic<std::int64_t> first{0};  // offsets below are lost
  std::vector<live_row> log;
  std::vector<nlohmann::json> rows;
  std::map<const void*, std::function<void()>> waiting;

  void append(live_row::kind what, const nlohmann::json& row) {
    const std::lock_guard lock(mutex);
    log.push_back({what, 0, static_cast<std::int64_t>(log.size()), std::make_shared<const std::string>(row.dump())});
    if (what == live_row::kind::row) rows.push_back(row);
    for (const auto& [who, wake] : waiting) wake();
  }
};

class fake_cursor : public live_cursor {
 public:
  fake_cursor(std::shared_ptr<fake_view> view, std::int64_t at) : view_(std::move(view)), at_(at) {}
  ~fake_cursor() override {
    const std::lock_guard lock(view_->mutex);
    view_->waiting.erase(this);
  }

  result<live_rows> next(std::size_t max_rows) override {
    const std::lock_guard lock(view_->mutex);
    if (at_ < view_->first) return fail(errc::offset_out_of_range, "rows before {} are gone", view_->first.load());
    const auto count = std::min<std::size_t>(max_rows, view_->log.size() - static_cast<std::size_t>(at_));
    const auto begin = view_->log.begin() + at_;
    at_ += static_cast<std::int64_t>(count);
    return live_rows({begin, begin + static_cast<std::ptrdiff_t>(count)}, token());
  }
  std::string token() const override { return fmt::format("o{}", at_); }
  std::uint64_t backlog() const override {
    const std::lock_guard lock(view_->mutex);
    return view_->log.size() - static_cast<std::size_t>(at_);
  }
  std::uint64_t skip_to_end() override {
    const std::lock_guard lock(view_->mutex);
    const auto skipped = view_->log.size() - static_cast<std::size_t>(at_);
    at_ = static_cast<std::int64_t>(view_->log.size());
    return skipped;
  }
  void on_more(std::function<void()> wake) override {
    const std::lock_guard lock(view_->mutex);
    view_->waiting[this] = std::move(wake);
  }

 private:
  std::shared_ptr<fake_view> view_;
  std::int64_t at_;
};

class fake_node : public node_api {
 public:
  // What tests change. The maps must not be changed while a gateway runs, except through the functions below.
  std::map<std::string, json> streams, sources, pipelines;
  std::map<std::string, std::vector<json>> records, letters;
  std::map<std::string, std::shared_ptr<fake_view>> views;
  std::vector<posted_records> posted;
  std::atomic<bool> healthy{true};
  std::atomic<bool> holds_replies{false};  // commands are not answered until release_replies()

  fake_view& add_view(const std::string& name, const char* kind, json columns, json key) {
    auto view = std::make_shared<fake_view>();
    view->description = {
        {"name", name},      {"kind", kind}, {"columns", std::move(columns)}, {"key", key}, {"sql", "SELECT " + name},
        {"pipeline", "demo"}};
    views[name] = view;
    return *view;
  }

  std::vector<std::string> commands() const {
    const std::lock_guard lock(mutex_);
    return commands_;
  }
  void release_replies() {
    std::vector<std::function<void()>> held;
    {
      const std::lock_guard lock(mutex_);
      held.swap(held_);
    }
    for (const auto& reply_now : held) reply_now();
  }

  json node_status() override {
    const std::lock_guard lock(mutex_);
    return {{"version", "0.1.0"},
            {"node", "node-1"},
            {"uptime_s", uptime_s.load()},
            {"log", {{"kind", "local"}, {"durability", "process"}}},
            {"shards", {{{"shard", 0}, {"state", "running"}}, {{"shard", 1}, {"state", "running"}}}}};
  }
  json list_streams() override { return values(streams); }
  result<json> get_stream(std::string_view name) override { return get(streams, "stream", name); }
  result<json> stream_records(std::string_view name, const page_request& page) override {
    WEIR_TRY(stream, get(streams, "stream", name));
    return paged(records[std::string(name)], page);
  }

  json list_sources(const page_request& page) override { return paged(values(sources), page); }
  result<json> get_source(std::string_view name) override { return get(sources, "source", name); }
  void add_sources(std::vector<source_request> several, reply done) override {
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
  void post_records(posted_records r, reply done) override {
    const std::lock_guard lock(mutex_);
    posted.push_back(r);
    if (r.stream == "absent") return done(fail(errc::not_found, "there is no stream '{}'", r.stream));
    if (r.stream == "lost") return done(fail(errc::unknown_outcome, "the shard stopped"));
    if (r.media == body_media::bytes) return done(fail(errc::unsupported, "no body for this stream"));
    finish_locked("post " + r.stream, {{"accepted", 1}, {"dead", 0}}, done);
  }
  void test_source(source_request s, reply done) override {
    finish("test " + s.name + " " + s.stream + " " + s.connector, {{"records", 0}}, done);
  }
  void set_source_paused(std::string name, bool paused, reply done) override {
    finish((paused ? "pause " : "resume ") + name, {{"name", name}}, done);
  }
  void remove_source(std::string name, reply done) override { finish("remove " + name, {{"name", name}}, done); }
  json connector_kinds() override { return {{{"name", "file"}}, {{"name", "simulate"}}}; }

  json list_views() override {
    json out = json::array();
    for (const auto& [name, view] : views) out.push_back(view->description);
    return out;
  }
  result<json> get_view(std::string_view name) override {
    WEIR_TRY(view, find_view(name));
    return view->description;
  }
  result<json> view_rows(std::string_view name, const row_query& query) override {
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
  result<json> query(std::string_view sql) override {
    if (sql == "SELECT broken") {
      return with_hint(fail(errc::invalid_argument, "line 1, column 8: no column 'broken'"), "did you mean 'b'?");
    }
    return json{{"columns", {{{"name", "z"}, {"type", "text"}}, {{"name", "a"}, {"type", "bigint"}}}},
                {"rows", {{"x, \"y\"", 1}, {nullptr, 2}}}};
  }
  result<std::unique_ptr<live_cursor>> open_live(std::string_view name, std::string_view token) override {
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

  json list_pipelines() override { return values(pipelines); }
  result<json> get_pipeline(std::string_view name) override { return get(pipelines, "pipeline", name); }
  void apply_pipeline(pipeline_request request, reply done) override {
    finish("apply " + request.name + (request.replace ? " replace" : "") + (request.from_beginning ? "" : " end"),
           {{"name", request.name}}, done);
  }
  void drop_pipeline(std::string name, reply done) override { finish("drop " + name, {{"name", name}}, done); }
  void resume_pipeline(std::string name, reply done) override { finish("resume " + name, {{"name", name}}, done); }
  json validate_sql(std::string_view sql) override {
    return {{"ok", sql != "bad"}, {"errors", json::array()}, {"plan", json::array()}};
  }

  result<json> dead_letters(std::string_view name, bool late, const page_request& page) override {
    return paged(letters[std::string(name) + (late ? ".late" : "")], page);
  }
  result<json> get_dead_letter(std::string_view name, std::string_view id) override {
    for (const auto& letter : letters[std::string(name)]) {
      if (letter["id"] == id) return letter;
    }
    return fail(errc::not_found, "no dead letter '{}' in '{}'", id, name);
  }
  void retry_dead_letter(std::string name, std::string id, std::optional<std::string> record, reply done) override {
    finish("retry " + name + " " + id + " " + record.value_or("-"), {{"id", id}}, done);
  }

  std::string metrics_text() override { return "# TYPE weir_fake gauge\nweir_fake 1\n"; }
  health live() override { return {healthy, {{"shards", healthy ? "ok" : "shard 1 is stuck"}}}; }
  health ready() override { return {healthy, {{"log", "ok"}, {"shards", healthy ? "ok" : "shard 1 is stuck"}}}; }

  std::atomic<double> uptime_s{12.5};

 private:
  static std::vector<json> values(const std::map<std::string, json>& of) {
    std::vector<json> out;
    for (const auto& [name, value] : of) out.push_back(value);
    return out;
  }
  static result<json> get(const std::map<std::string, json>& of, const char* what, std::string_view name) {
    const auto found = of.find(std::string(name));
    if (found == of.end()) return fail(errc::not_found, "there is no {} '{}'", what, name);
    return found->second;
  }
  result<std::shared_ptr<fake_view>> find_view(std::string_view name) const {
    const auto found = views.find(std::string(name));
    if (found == views.end()) return fail(errc::not_found, "there is no view '{}'", name);
    return found->second;
  }
  static json paged(const std::vector<json>& all, const page_request& page) {
    const auto begin = std::min<std::size_t>(page.after.empty() ? 0 : std::stoul(page.after), all.size());
    const auto end = std::min(begin + page.limit, all.size());
    const json next = end < all.size() ? json(std::to_string(end)) : json();
    return {{"items", std::vector<json>(all.begin() + static_cast<std::ptrdiff_t>(begin),
                                        all.begin() + static_cast<std::ptrdiff_t>(end))},
            {"next", next}};
  }
  void finish(std::string command, json answer, const reply& done) {
    const std::lock_guard lock(mutex_);
    finish_locked(std::move(command), std::move(answer), done);
  }
  void finish_locked(std::string command, json answer, const reply& done) {
    commands_.push_back(std::move(command));
    if (!holds_replies) return done(std::move(answer));
    held_.push_back([done, answer = std::move(answer)] { done(answer); });
  }

  mutable std::mutex mutex_;
  std::vector<std::string> commands_;
  std::vector<std::function<void()>> held_;
};

}  // namespace weir
