// What the gateway counts, in Prometheus' text format. Counting is lock-free.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace weir {

struct route;

class gateway_metrics {
 public:
  gateway_metrics();

  // `where` is null for requests that match no route: the page's files and unknown paths.
  void count_request(const route* where, int http_status);

  std::atomic<std::uint64_t> connections_total{0}, connections_refused{0};
  std::atomic<std::int64_t> connections_open{0}, subscriptions_open{0};
  std::atomic<std::uint64_t> subscriptions_total{0}, rows_sent{0}, rows_shed{0}, clients_cut_off{0};
  std::atomic<std::uint64_t> auth_refused{0}, timeouts{0};

  std::uint64_t requests(const route* where, int status_class) const;  // status_class: 2 for 2xx
  std::string text() const;

 private:
  using classes = std::array<std::atomic<std::uint64_t>, 6>;
  std::map<const route*, std::size_t> index_;
  std::vector<classes> requests_;
};

}  // namespace weir
