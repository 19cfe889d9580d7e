// A real node in a temporary folder with its service, for tests; it can be stopped and started again on the same
// folder.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "actors/node_service.hpp"
#include "tests/support/temp_folder.hpp"

namespace weir::testing {

class running_node {
 public:
  using json = nlohmann::json;

  explicit running_node(int shards = 2);
  ~running_node();

  void start();
  bool stop();
  void restart();

  node_service& api() { return *service_; }
  weir::node& inner() { return *node_; }

  // The answer of a command.
  result<json> answer(const std::function<void(node_api::reply)>& command);
  json done(const std::function<void(node_api::reply)>& command);
  void apply(const std::string& name, const std::string& sql);
  void add_source(source_request s);
  // A file source over these lines.
  void add_file(const std::string& source, const std::string& stream, const std::vector<std::string>& lines,
                std::map<std::string, std::string> options = {});
  void write(const std::string& file, const std::vector<std::string>& lines);

  std::vector<json> rows(const std::string& view, row_query query = {});
  bool has_rows(const std::string& view, std::size_t count);

  static bool comes_true(const std::function<bool()>& what);

  temp_folder folder;
  config settings;

 private:
  std::unique_ptr<node> node_;
  std::unique_ptr<node_service> service_;
};

inline const char* const camera_sql = R"(
CREATE TABLE camera (taken timestamptz NOT NULL, image text NOT NULL, probability double precision)
  WITH (format = 'json', event_time = 'taken', lateness = '1 s');
CREATE MATERIALIZED VIEW sock_seen WITH (emit = 'final') AS
  SELECT window_start, image, count(*) AS seen, max(probability) AS best
  FROM tumble(camera, interval '5 seconds')
  WHERE image <> 'Blank'
  GROUP BY window_start, image;
CREATE MATERIALIZED VIEW sure AS
  SELECT taken, image, probability FROM camera WHERE probability > 0.5;
CREATE MATERIALIZED VIEW totals WITH (emit = 'changes', max_rows = 1000) AS
  SELECT image, count(*) AS seen FROM camera GROUP BY image;
)";

// Second `s` after 2020-01-01T00:00:00Z.
std::string shot(double s, const std::string& image, double probability = 0.9);

}  // namespace weir::testing
