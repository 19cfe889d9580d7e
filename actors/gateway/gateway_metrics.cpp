#include "actors/gateway/gateway_metrics.hpp"

#include <fmt/format.h>

#include "actors/gateway/routes.hpp"

namespace weir {
namespace {

template <class Value>
void add_metric(std::string& out, std::string_view name, std::string_view kind, std::string_view help, Value value) {
  out += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n{0} {3}\n", name, kind, help, value);
}

}  // namespace

gateway_metrics::gateway_metrics() : requests_(routes().size() + 1) {
  for (const route& r : routes()) index_.emplace(&r, index_.size());
  index_.emplace(nullptr, index_.size());
}

void gateway_metrics::count_request(const route* where, int http_status) {
  const auto status_class = static_cast<std::size_t>(http_status / 100);
  if (status_class >= 6) return;
  requests_[index_.at(where)][status_class].fetch_add(1, std::memory_order_relaxed);
}

std::uint64_t gateway_metrics::requests(const route* where, int status_class) const {
  return requests_[index_.at(where)][static_cast<std::size_t>(status_class)];
}

std::string gateway_metrics::text() const {
  std::string out =
      "# HELP weir_gateway_requests_total Answered requests by route and class of status.\n"
      "# TYPE weir_gateway_requests_total counter\n";
  for (const auto& [where, index] : index_) {
    for (std::size_t status_class = 1; status_class < 6; ++status_class) {
      const std::uint64_t count = requests_[index][status_class];
      if (count == 0) continue;
      out += fmt::format("weir_gateway_requests_total{{route=\"{}\",status=\"{}xx\"}} {}\n",
                         where == nullptr ? "other" : where->operation_id, status_class, count);
    }
  }
  add_metric(out, "weir_gateway_connections", "gauge", "Open connections.", connections_open.load());
  add_metric(out, "weir_gateway_connections_total", "counter", "Accepted connections.", connections_total.load());
  add_metric(out, "weir_gateway_connections_refused_total", "counter", "Connections over the limit.",
             connections_refused.load());
  add_metric(out, "weir_gateway_subscriptions", "gauge", "Live subscriptions.", subscriptions_open.load());
  add_metric(out, "weir_gateway_subscriptions_total", "counter", "Subscriptions ever made.",
             subscriptions_total.load());
  add_metric(out, "weir_gateway_live_rows_total", "counter", "Rows and deletions sent to subscribers.",
             rows_sent.load());
  add_metric(out, "weir_gateway_shed_rows_total", "counter", "Rows that slow subscribers did not get.",
             rows_shed.load());
  add_metric(out, "weir_gateway_cut_off_clients_total", "counter", "Clients that took no write in time.",
             clients_cut_off.load());
  add_metric(out, "weir_gateway_refused_auth_total", "counter", "Requests without a valid credential.",
             auth_refused.load());
  add_metric(out, "weir_gateway_timeouts_total", "counter", "Requests that did not arrive in time.", timeouts.load());
  return out;
}

}  // namespace weir
