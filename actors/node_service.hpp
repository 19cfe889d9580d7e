// What the gateway asks of a node, answered over the node's actors, tables and log. Any thread may call it.
//
// Reads come from committed state and from what shards last said of themselves (a few times a second); commands go
// through the control log and are answered when the fold has applied them.
#pragma once

#include <memory>

#include "actors/gateway/node_api.hpp"
#include "actors/live_feed.hpp"
#include "actors/node.hpp"
#include "actors/node_health.hpp"
#include "actors/node_metrics.hpp"
#include "actors/post_desk.hpp"

namespace weir {

class node_service : public node_api {
 public:
  // `n` must live as long as the service and have started.
  node_service(node& n, std::string version);

  json node_status() override;
  json list_streams() override;
  result<json> get_stream(std::string_view name) override;
  result<json> stream_records(std::string_view name, const page_request& page) override;

  void post_records(posted_records records, reply done) override;

  json list_sources(const page_request& page) override;
  result<json> get_source(std::string_view name) override;
  void add_sources(std::vector<source_request> sources, reply done) override;
  void test_source(source_request source, reply done) override;
  void set_source_paused(std::string name, bool paused, reply done) override;
  void remove_source(std::string name, reply done) override;
  json connector_kinds() override;

  json list_views() override;
  result<json> get_view(std::string_view name) override;
  result<json> view_rows(std::string_view name, const row_query& query) override;
  // Reads the whole view into memory: at most limits.view_rows rows. The answer has at most limits.sql_result_rows, and
  // "truncated": true when there were more.
  result<json> query(std::string_view sql) override;
  result<std::unique_ptr<live_cursor>> open_live(std::string_view view, std::string_view token) override;

  json list_pipelines() override;
  result<json> get_pipeline(std::string_view name) override;
  void apply_pipeline(pipeline_request request, reply done) override;
  void drop_pipeline(std::string name, reply done) override;
  void resume_pipeline(std::string name, reply done) override;
  json validate_sql(std::string_view sql) override;

  result<json> dead_letters(std::string_view name, bool late, const page_request& page) override;
  result<json> get_dead_letter(std::string_view name, std::string_view id) override;
  // Of streams only: what a view refused stands in its stream already.
  void retry_dead_letter(std::string name, std::string id, std::optional<std::string> record, reply done) override;

  std::string metrics_text() override;
  health live() override;
  health ready() override;

 private:
  struct found_view {
    plan_ptr plan;
    const view_plan* view = nullptr;
    const planned_pipeline* pipeline = nullptr;
  };
  using check = std::function<result<std::vector<control_record>>(const control_plan&)>;

  result<found_view> find_view(std::string_view name) const;
  result<std::string> letters_topic(std::string_view name, bool late) const;
  int shards() const { return static_cast<int>(node_.settings().node.shards); }
  std::size_t most_rows() const { return static_cast<std::size_t>(node_.settings().limits.sql_result_rows); }
  control_limits limits() const;
  void run(check what, json answer, reply done);

  node& node_;
  std::string version_;
  node_metrics metrics_;
  node_health health_;
  live_feeds feeds_;
  post_desk desk_;
  std::shared_ptr<std::atomic<std::int64_t>> trials_ = std::make_shared<std::atomic<std::int64_t>>(0);
};

}  // namespace weir
