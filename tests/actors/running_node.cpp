#include "tests/actors/running_node.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <future>
#include <thread>

namespace weir::testing {

running_node::running_node(int shards) {
  settings.node.data_dir = folder.path("data");
  settings.node.shards = shards;
  settings.node.worker_threads = 2;
  settings.log.disk_reserve_bytes = 0;
  settings.sources.file_allow = {folder.path()};
  settings.sources.file_poll_interval_us = 10'000;
  settings.supervision.watch_interval_us = 20'000;
}

running_node::~running_node() { stop(); }

void running_node::start() {
  auto made = node::start(settings);
  if (!made) FAIL(made.error().text());
  node_ = std::move(*made);
  service_ = std::make_unique<node_service>(*node_, "0.0.1");
  INFO("the node gets ready");
  REQUIRE(comes_true([&] { return service_->ready().ok; }));
}

bool running_node::stop() {
  const bool clean = !node_ || node_->stop();
  service_.reset();
  node_.reset();
  return clean;
}

void running_node::restart() {
  CHECK(stop());
  start();
}

result<running_node::json> running_node::answer(const std::function<void(node_api::reply)>& command) {
  auto promise = std::make_shared<std::promise<result<json>>>();
  command([promise](result<json> r) { promise->set_value(std::move(r)); });
  auto future = promise->get_future();
  if (future.wait_for(std::chrono::seconds(30)) != std::future_status::ready) FAIL("a command was not answered");
  return future.get();
}

running_node::json running_node::done(const std::function<void(node_api::reply)>& command) {
  auto r = answer(command);
  if (!r) FAIL(r.error().text());
  return *r;
}

void running_node::apply(const std::string& name, const std::string& sql) {
  done([&](node_api::reply reply) { api().apply_pipeline({name, sql, false, true}, std::move(reply)); });
}

void running_node::add_source(source_request s) {
  done([&](node_api::reply reply) { api().add_sources({std::move(s)}, std::move(reply)); });
}

void running_node::add_file(const std::string& source, const std::string& stream, const std::vector<std::string>& lines,
                            std::map<std::string, std::string> options) {
  write(source, lines);
  options["path"] = folder.path(source);
  add_source({source, stream, "file", std::move(options)});
}

void running_node::write(const std::string& file, const std::vector<std::string>& lines) {
  std::ofstream out(folder.path(file), std::ios::app);
  for (const auto& l : lines) out << l << "\n";
}

std::vector<running_node::json> running_node::rows(const std::string& view, row_query query) {
  query.page.limit = std::max<std::size_t>(query.page.limit, 1'000);
  auto r = api().view_rows(view, query);
  if (!r) FAIL(r.error().text());
  return (*r)["items"];
}

bool running_node::has_rows(const std::string& view, std::size_t count) {
  return comes_true([&] { return rows(view).size() >= count; }) && rows(view).size() == count;
}

bool running_node::comes_true(const std::function<bool()>& what) {
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);;) {
    if (what()) return true;
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

std::string shot(double s, const std::string& image, double probability) {
  return fmt::format(R"({{"taken":"2020-01-01T00:{:02}:{:06.3f}Z","image":"{}","probability":{}}})",
                     static_cast<int>(s) / 60, s - 60 * (static_cast<int>(s) / 60), image, probability);
}

}  // namespace weir::testing
