// What a node counts of itself, for Prometheus: shards, pipelines, sources, the pool, the process.
//
// Numbers are read when someone scrapes. Pipelines and sources come and go: their metrics follow the plan, at most
// 1,000 of each, so that no user can fill the scraper's memory.
#pragma once

#include <map>
#include <memory>
#include <mutex>

#include "actors/node_summary.hpp"

namespace weir {

class node_metrics {
 public:
  explicit node_metrics(node& n);
  std::string text();

 private:
  using numbers = std::shared_ptr<const node_summary>;
  using groups = std::map<std::string, std::unique_ptr<metric_group>>;

  void add_node();
  void add_shard(std::size_t shard);
  void add_pipeline(metric_group& group, const std::string& name);
  void add_source(metric_group& group, const std::string& name);
  numbers now() const;

  node& node_;
  mutable std::mutex numbers_mutex_;
  numbers numbers_;          // of the last scrape
  std::mutex scrape_mutex_;  // one scrape at a time
  metric_group fixed_;
  groups pipelines_, sources_;
};

}  // namespace weir
