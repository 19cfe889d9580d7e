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

  void append(live_row::kind what, const nlohmann::json& row);
};

class fake_cursor : public live_cursor {
 public:
  fake_cursor(std::shared_ptr<fake_view> view, std::int64_t at);
  ~fake_cursor() override;

  result<live_rows> next(std::size_t max_rows) override;
  std::string token() const override;
  std::uint64_t backlog() const override;
  std::uint64_t skip_to_end() override;
  void on_more(std::function<void()> wake) override;

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

  // The stream camera with two records and a dead letter, the source cam1, the pipeline socks.
  void add_one_of_each();
  fake_view& add_view(const std::string& name, const char* kind, json columns, json key);

  std::vector<std::string> commands() const;
  void release_replies();

  json node_status() override;
  json list_streams() override;
  result<json> get_stream(std::string_view name) override;
  result<json> stream_records(std::string_view name, const page_request& page) override;

  json list_sources(const page_request& page) override;
  result<json> get_source(std::string_view name) override;
  void add_sources(std::vector<source_request> several, reply done) override;
  void post_records(posted_records r, reply done) override;
  void test_source(source_request s, reply done) override;
  void set_source_paused(std::string name, bool paused, reply done) override;
  void remove_source(std::string name, reply done) override;
  json connector_kinds() override;

  json list_views() override;
  result<json> get_view(std::string_view name) override;
  result<json> view_rows(std::string_view name, const row_query& query) override;
  result<json> query(std::string_view sql) override;
  result<std::unique_ptr<live_cursor>> open_live(std::string_view name, std::string_view token) override;

  json list_pipelines() override;
  result<json> get_pipeline(std::string_view name) override;
  void apply_pipeline(pipeline_request request, reply done) override;
  void drop_pipeline(std::string name, reply done) override;
  void resume_pipeline(std::string name, reply done) override;
  json validate_sql(std::string_view sql) override;

  result<json> dead_letters(std::string_view name, bool late, const page_request& page) override;
  result<json> get_dead_letter(std::string_view name, std::string_view id) override;
  void retry_dead_letter(std::string name, std::string id, std::optional<std::string> record, reply done) override;

  std::string metrics_text() override;
  health live() override;
  health ready() override;

  std::atomic<double> uptime_s{12.5};

 private:
  static std::vector<json> values(const std::map<std::string, json>& of);
  static result<json> get(const std::map<std::string, json>& of, const char* what, std::string_view name);
  result<std::shared_ptr<fake_view>> find_view(std::string_view name) const;
  static json paged(const std::vector<json>& all, const page_request& page);
  void finish(std::string command, json answer, const reply& done);
  void finish_locked(std::string command, json answer, const reply& done);

  mutable std::mutex mutex_;
  std::vector<std::string> commands_;
  std::vector<std::function<void()>> held_;
};

}  // namespace weir
