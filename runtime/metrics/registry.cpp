#include "runtime/metrics/registry.hpp"

#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <mutex>
#include <variant>

namespace weir {
namespace {

constexpr std::string_view refused_name = "weir_metrics_refused_total";

bool name_allowed(std::string_view name, std::string_view prefix) {
  return name.size() > prefix.size() && name.size() <= 200 && name.starts_with(prefix) && name.back() != '_' &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

bool label_allowed(std::string_view name) {
  return name_allowed(name, "") && !(name.front() >= '0' && name.front() <= '9') && !name.starts_with("__") &&
         name != "le";
}

using reader = std::variant<std::function<double()>, const histogram*>;

struct family {
  std::string help;
  prometheus::MetricType type = prometheus::MetricType::Untyped;
  std::map<metric_labels, reader> members;
};

prometheus::ClientMetric::Histogram read_histogram(const histogram& source) {
  const histogram::snapshot now = source.read();
  prometheus::ClientMetric::Histogram out;
  for (std::size_t i = 0; i < now.counts.size(); ++i) {
    out.sample_count += now.counts[i];
    const double bound = i < source.upper_bounds().size() ? source.upper_bounds()[i] : INFINITY;
    out.bucket.push_back({out.sample_count, bound});
  }
  out.sample_sum = now.sum;
  return out;
}

prometheus::ClientMetric read_metric(const metric_labels& labels, const reader& source) {
  prometheus::ClientMetric out;
  for (const auto& [name, value] : labels) out.label.push_back({name, value});
  if (const auto* of = std::get_if<const histogram*>(&source)) {
    out.histogram = read_histogram(**of);
  } else {
    out.counter.value = out.gauge.value = std::get<std::function<double()>>(source)();
  }
  return out;
}

}  // namespace

histogram::histogram(std::vector<double> upper_bounds)
    : bounds_(std::move(upper_bounds)), counts_(bounds_.size() + 1) {}

void histogram::observe(double value) {
  const auto bucket = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
  counts_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

histogram::snapshot histogram::read() const {
  snapshot out;
  out.counts.reserve(counts_.size());
  for (const auto& count : counts_) out.counts.push_back(count.load(std::memory_order_relaxed));
  out.sum = sum_.load(std::memory_order_relaxed);
  return out;
}

std::vector<double> histogram::seconds() {
  return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

struct metrics_registry::impl {
  explicit impl(std::size_t max) : max_label_sets(max) {}

  const std::size_t max_label_sets;
  mutable std::mutex mutex;
  std::map<std::string, family, std::less<>> families;
  std::map<std::string, std::uint64_t, std::less<>> refused;  // per family; only names that passed the check

  static result<metric_registration> add(const std::shared_ptr<impl>& self, std::string_view name,
                                         std::string_view help, prometheus::MetricType type, metric_labels labels,
                                         reader source);
  result<family*> place(std::string_view name, std::string_view help, prometheus::MetricType type,
                        const metric_labels& labels);
  void remove(const std::string& name, const metric_labels& labels);
};

// The family that takes this label set; the caller holds the mutex.
result<family*> metrics_registry::impl::place(std::string_view name, std::string_view help, prometheus::MetricType type,
                                              const metric_labels& labels) {
  auto it = families.find(name);
  if (it == families.end()) it = families.emplace(std::string(name), family{std::string(help), type, {}}).first;
  family& to = it->second;
  if (to.type != type || to.help != help) {
    return fail(errc::invalid_argument, "metric {} is registered with another kind or help text", name);
  }
  if (to.members.contains(labels)) return fail(errc::already_exists, "metric {} has this label set already", name);
  if (to.members.size() >= max_label_sets) {
    ++refused[it->first];
    return fail(errc::limit_exceeded, "metric {} has {} label sets, no more are kept", name, max_label_sets);
  }
  return &to;
}

result<metric_registration> metrics_registry::impl::add(const std::shared_ptr<impl>& self, std::string_view name,
                                                        std::string_view help, prometheus::MetricType type,
                                                        metric_labels labels, reader source) {
  if (!name_allowed(name, "weir_") || name == refused_name) {
    return fail(errc::invalid_argument, "metric name '{}' is not weir_ and then a-z, 0-9, _", name);
  }
  if ((type == prometheus::MetricType::Counter) != name.ends_with("_total")) {
    return fail(errc::invalid_argument, "metric {}: counters, and only they, end in _total", name);
  }
  for (const auto& [label, value] : labels) {
    if (!label_allowed(label)) return fail(errc::invalid_argument, "metric {}: label name '{}'", name, label);
  }
  const std::lock_guard lock(self->mutex);
  WEIR_TRY(to, self->place(name, help, type, labels));
  to->members.emplace(labels, std::move(source));
  // The custom deleter is the registration's end; it holds the registry's data, which may be gone first otherwise.
  return metric_registration(std::shared_ptr<void>(
      static_cast<void*>(self.get()),
      [self, key = std::string(name), labels = std::move(labels)](void*) { self->remove(key, labels); }));
}

void metrics_registry::impl::remove(const std::string& name, const metric_labels& labels) {
  const std::lock_guard lock(mutex);
  const auto it = families.find(name);
  if (it == families.end()) return;
  it->second.members.erase(labels);
  if (it->second.members.empty()) families.erase(it);
}

metrics_registry::metrics_registry(std::size_t max_label_sets) : impl_(std::make_shared<impl>(max_label_sets)) {}
metrics_registry::~metrics_registry() = default;

result<metric_registration> metrics_registry::counter(std::string_view name, std::string_view help,
                                                      metric_labels labels, std::function<double()> read) {
  return impl::add(impl_, name, help, prometheus::MetricType::Counter, std::move(labels), std::move(read));
}

result<metric_registration> metrics_registry::gauge(std::string_view name, std::string_view help, metric_labels labels,
                                                    std::function<double()> read) {
  return impl::add(impl_, name, help, prometheus::MetricType::Gauge, std::move(labels), std::move(read));
}

result<metric_registration> metrics_registry::histogram_of(std::string_view name, std::string_view help,
                                                           metric_labels labels, const histogram& source) {
  return impl::add(impl_, name, help, prometheus::MetricType::Histogram, std::move(labels), &source);
}

std::string metrics_registry::text() const {
  std::vector<prometheus::MetricFamily> out;
  const std::lock_guard lock(impl_->mutex);
  for (const auto& [name, from] : impl_->families) {
    prometheus::MetricFamily to{name, from.help, from.type, {}};
    for (const auto& [labels, source] : from.members) to.metric.push_back(read_metric(labels, source));
    out.push_back(std::move(to));
  }
  prometheus::MetricFamily refused{std::string(refused_name),
                                   "Label sets refused because their family is full",
                                   prometheus::MetricType::Counter,
                                   {}};
  for (const auto& [name, count] : impl_->refused) {
    refused.metric.push_back(read_metric({{"family", name}}, [n = static_cast<double>(count)] { return n; }));
  }
  if (!refused.metric.empty()) out.push_back(std::move(refused));
  return static_cast<const prometheus::Serializer&>(prometheus::TextSerializer()).Serialize(out);
}

metric_labels metric_group::merged(const metric_labels& extra) const {
  metric_labels all = common_;
  for (const auto& [name, value] : extra) all[name] = value;
  return all;
}

void metric_group::keep(result<metric_registration> registration) {
  if (registration) registrations_.push_back(std::move(*registration));
}

void metric_group::counter(std::string_view name, std::string_view help, const std::atomic<std::uint64_t>& value,
                           const metric_labels& extra) {
  counter(
      name, help, [&value] { return static_cast<double>(value.load(std::memory_order_relaxed)); }, extra);
}

void metric_group::counter(std::string_view name, std::string_view help, std::function<double()> read,
                           const metric_labels& extra) {
  keep(registry_.counter(name, help, merged(extra), std::move(read)));
}

void metric_group::gauge(std::string_view name, std::string_view help, std::function<double()> read,
                         const metric_labels& extra) {
  keep(registry_.gauge(name, help, merged(extra), std::move(read)));
}

void metric_group::histogram_of(std::string_view name, std::string_view help, const histogram& source,
                                const metric_labels& extra) {
  keep(registry_.histogram_of(name, help, merged(extra), source));
}

}  // namespace weir
