#include "actors/node_metrics.hpp"

#include <unistd.h>

#include <fstream>
#include <sstream>

namespace weir {

namespace {

constexpr std::size_t most_groups = 1'000;

// CPU seconds of this process, user and system: fields 14 and 15 of /proc/self/stat, behind the name in parentheses.
double cpu_seconds() {
  std::ifstream in("/proc/self/stat");
  std::string line;
  std::getline(in, line);
  std::istringstream rest(line.substr(std::min(line.size(), line.rfind(')') + 1)));
  std::string skipped;
  for (int field = 3; field < 14; ++field) rest >> skipped;
  double user = 0, system = 0;
  rest >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double resident_bytes() {
  std::ifstream in("/proc/self/statm");
  double total = 0, resident = 0;
  in >> total >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE));
}

// Makes the groups follow the names: `add` fills a new one.
template <class Groups, class Names, class Make>
void follow(Groups& groups, const Names& names, Make make) {
  std::erase_if(groups, [&](const auto& g) { return !names.contains(g.first); });
  for (const auto& [name, unused] : names) {
    if (groups.size() >= most_groups) return;
    if (!groups.contains(name)) groups.emplace(name, make(name));
  }
}

}  // namespace

node_metrics::node_metrics(node& n)
    : node_(n), numbers_(std::make_shared<node_summary>(summarize(n))), fixed_(n.metrics()) {
  add_node();
  for (std::size_t i = 0; i < numbers_->shards.size(); ++i) add_shard(i);
}

node_metrics::numbers node_metrics::now() const {
  std::lock_guard lock(numbers_mutex_);
  return numbers_;
}

std::string node_metrics::text() {
  std::lock_guard scrape(scrape_mutex_);
  auto fresh = std::make_shared<const node_summary>(summarize(node_));
  {
    std::lock_guard lock(numbers_mutex_);
    numbers_ = fresh;
  }
  follow(pipelines_, fresh->pipelines, [&](const std::string& name) {
    auto group = std::make_unique<metric_group>(node_.metrics(), metric_labels{{"pipeline", name}});
    add_pipeline(*group, name);
    return group;
  });
  follow(sources_, fresh->plan->state.sources, [&](const std::string& name) {
    const auto& stream = fresh->plan->state.sources.find(name)->second.stream;
    auto group = std::make_unique<metric_group>(node_.metrics(), metric_labels{{"source", name}, {"stream", stream}});
    add_source(*group, name);
    return group;
  });
  return node_.metrics().text();
}

void node_metrics::add_node() {
  fixed_.gauge("weir_pool_threads", "Threads that take jobs", [this] { return node_.pool().threads; });
  fixed_.gauge("weir_pool_hung_threads", "Threads given up in jobs that do not return",
               [this] { return node_.pool().hung; });
  fixed_.gauge("weir_pool_queued_jobs", "Jobs that wait for a thread",
               [this] { return static_cast<double>(node_.pool().queued); });
  fixed_.counter("weir_pool_jobs_total", "Jobs done", [this] { return static_cast<double>(node_.pool().done); });
  fixed_.gauge("weir_live_followers", "Open live readers of views",
               [this] { return static_cast<double>(node_.hub().followers()); });
  fixed_.gauge("weir_start_time_seconds", "When the node started, since 1970",
               [this] { return static_cast<double>(node_.started_us()) / 1e6; });
  fixed_.counter("weir_process_cpu_seconds_total", "CPU time of the process, user and system", cpu_seconds);
  fixed_.gauge("weir_process_resident_memory_bytes", "Memory of the process", resident_bytes);
}

void node_metrics::add_shard(std::size_t shard) {
  const metric_labels label{{"shard", std::to_string(shard)}};
  fixed_.counter(
      "weir_shard_commits_total", "Transactions committed since the shard's start",
      [this, shard] { return static_cast<double>(now()->shards[shard].report.commits); }, label);
  fixed_.counter(
      "weir_shard_failures_total", "Failures of the shard's writer or ingest",
      [this, shard] { return static_cast<double>(now()->shards[shard].health.failures); }, label);
  fixed_.gauge(
      "weir_shard_queue_bytes", "Chunks that wait for ingest (limits.ingest_queue)",
      [this, shard] { return static_cast<double>(now()->shards[shard].report.queue_bytes); }, label);
  fixed_.gauge(
      "weir_shard_running", "1 when the shard is open",
      [this, shard] { return now()->shards[shard].health.running ? 1.0 : 0.0; }, label);
}

void node_metrics::add_pipeline(metric_group& group, const std::string& name) {
  const auto read = [this, name](auto member) {
    return [this, name, member] {
      const auto n = now();
      const auto it = n->pipelines.find(name);
      return it == n->pipelines.end() ? 0.0 : static_cast<double>(it->second.*member);
    };
  };
  group.counter("weir_pipeline_records_total", "Records processed since the node's start",
                read(&pipeline_summary::records));
  group.gauge("weir_pipeline_behind_records", "Committed records not yet processed", read(&pipeline_summary::behind));
  group.counter("weir_pipeline_restarts_total", "Restarts from the last commit", read(&pipeline_summary::restarts));
  group.gauge("weir_pipeline_state_bytes", "Memory of the pipeline's groups and windows",
              read(&pipeline_summary::state_bytes));
  group.gauge("weir_pipeline_queue_bytes", "Decoded batches that wait in memory (limits.task_queue, per shard)",
              read(&pipeline_summary::queue_bytes));
  group.gauge("weir_pipeline_quarantined", "1 when the pipeline has stopped with an error", [this, name] {
    const auto n = now();
    const auto it = n->pipelines.find(name);
    return it != n->pipelines.end() && it->second.state == "quarantined" ? 1.0 : 0.0;
  });
}

void node_metrics::add_source(metric_group& group, const std::string& name) {
  const auto read = [this, name](auto member) {
    return [this, name, member] {
      const auto n = now();
      const auto it = n->sources.find(name);
      return it == n->sources.end() ? 0.0 : static_cast<double>(it->second->*member);
    };
  };
  group.counter("weir_source_records_total", "Records accepted", read(&source_status::accepted));
  group.counter("weir_source_dead_letters_total", "Records that no row could be made of", read(&source_status::dead));
  group.counter("weir_source_late_records_total", "Records behind their watermark", read(&source_status::late));
  group.counter("weir_source_blocked_seconds_total", "Time in which ingest was too busy to take the source's records",
                [this, name] {
                  const auto n = now();
                  const auto it = n->board.find(name);
                  return it == n->board.end() ? 0.0 : static_cast<double>(it->second.blocked_us) / 1e6;
                });
  group.gauge("weir_source_failed", "1 while the source waits to be tried again", [this, name] {
    const auto n = now();
    const auto it = n->board.find(name);
    return it != n->board.end() && it->second.state == "failed" ? 1.0 : 0.0;
  });
}

}  // namespace weir
