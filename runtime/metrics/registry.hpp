// What the node counts, as Prometheus metrics. A component keeps plain atomics (its probe), adds to them on its hot
// path without a lock, and registers how to read them; they are read when someone scrapes.
//
// Names: weir_<what>_<unit>, in base units (seconds, bytes), counters end in _total. Label sets per family are limited:
// what is over the limit is refused and counted in weir_metrics_refused_total.
//
// Thread safety: every function may be called from any thread. A reader function never runs after its registration is
// gone; it must not call the registry.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"

namespace weir {

using metric_labels = std::map<std::string, std::string>;

// Counts of observations in fixed buckets; observe() is lock-free.
class histogram {
 public:
  // upper_bounds: rising; a last bucket for everything above is added.
  explicit histogram(std::vector<double> upper_bounds);
  void observe(double value);

  struct snapshot {
    std::vector<std::uint64_t> counts;  // per bucket, not cumulative; one more than bounds
    double sum = 0;
  };
  snapshot read() const;
  const std::vector<double>& upper_bounds() const { return bounds_; }

  // Buckets for durations in seconds: 100 us to 10 s, three a decade.
  static std::vector<double> seconds();

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> counts_;
  std::atomic<double> sum_{0};
};

// One metric with one label set in the registry, until it is destroyed.
class metric_registration {
 public:
  metric_registration() = default;
  explicit metric_registration(std::shared_ptr<void> held) : held_(std::move(held)) {}

 private:
  std::shared_ptr<void> held_;
};

class metrics_registry {
 public:
  explicit metrics_registry(std::size_t max_label_sets = 2'000);
  ~metrics_registry();
  metrics_registry(const metrics_registry&) = delete;
  metrics_registry& operator=(const metrics_registry&) = delete;

  // Errors: invalid_argument (a name or label outside the rules above, another kind or help text under this name),
  // already_exists (this label set is registered), limit_exceeded (too many label sets in this family).
  result<metric_registration> counter(std::string_view name, std::string_view help, metric_labels labels,
                                      std::function<double()> read);
  result<metric_registration> gauge(std::string_view name, std::string_view help, metric_labels labels,
                                    std::function<double()> read);
  // `source` must outlive the registration.
  result<metric_registration> histogram_of(std::string_view name, std::string_view help, metric_labels labels,
                                           const histogram& source);

  // Everything, in Prometheus' text format 0.0.4.
  std::string text() const;

 private:
  struct impl;
  std::shared_ptr<impl> impl_;  // registrations may outlive the registry
};

// The metrics of one component: common labels, registrations that live as long as it does. What the registry refuses is
// counted there; a component runs on without that metric.
class metric_group {
 public:
  explicit metric_group(metrics_registry& registry, metric_labels common = {})
      : registry_(registry), common_(std::move(common)) {}

  // The atomics and histograms must live at least as long as this group.
  void counter(std::string_view name, std::string_view help, const std::atomic<std::uint64_t>& value,
               const metric_labels& extra = {});
  void counter(std::string_view name, std::string_view help, std::function<double()> read,
               const metric_labels& extra = {});
  void gauge(std::string_view name, std::string_view help, std::function<double()> read,
             const metric_labels& extra = {});
  void histogram_of(std::string_view name, std::string_view help, const histogram& source,
                    const metric_labels& extra = {});

 private:
  metric_labels merged(const metric_labels& extra) const;
  void keep(result<metric_registration> registration);

  metrics_registry& registry_;
  metric_labels common_;
  std::vector<metric_registration> registrations_;
};

}  // namespace weir
