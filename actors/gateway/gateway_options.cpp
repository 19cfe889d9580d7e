#include "actors/gateway/gateway_options.hpp"

namespace weir {
namespace {

std::chrono::milliseconds milliseconds_of(std::int64_t us) { return std::chrono::milliseconds(us / 1'000); }

status at_least_one(std::string_view name, std::uint64_t value) {
  if (value > 0) return {};
  return fail(errc::invalid_argument, "gateway option {} is 0; write at least 1", name);
}

status check_origin(const std::string& origin) {
  const auto scheme = origin.find("://");
  const bool web = origin.starts_with("http://") || origin.starts_with("https://");
  if (web && origin.find_first_of("/ *", scheme + 3) == std::string::npos && origin.size() > scheme + 3) return {};
  return fail(errc::invalid_argument,
              "gateway option allowed_origins: '{}' is no web origin; write 'https://name:port'", origin);
}

}  // namespace

status check(const gateway_options& options) {
  if (options.host.empty()) return fail(errc::invalid_argument, "gateway option host is empty; write 127.0.0.1");
  if (options.token.empty() || options.token.size() > 512) {
    return fail(errc::invalid_argument, "gateway option token has {} bytes; write 1 to 512", options.token.size());
  }
  if (options.threads < 1 || options.threads > 64) {
    return fail(errc::invalid_argument, "gateway option threads is {}; write 1 to 64", options.threads);
  }
  for (const auto& origin : options.allowed_origins) WEIR_TRY_VOID(check_origin(origin));
  const std::pair<std::string_view, std::uint64_t> limits[] = {
      {"max_connections", options.max_connections},
      {"max_request_bytes", options.max_request_bytes},
      {"max_inflated_bytes", options.max_inflated_bytes},
      {"max_request_lines", options.max_request_lines},
      {"max_page_rows", options.max_page_rows},
      {"max_tickets", options.max_tickets},
      {"max_subscriptions", options.max_subscriptions},
      {"max_subscriptions_per_connection", options.max_subscriptions_per_connection},
      {"max_message_bytes", options.max_message_bytes},
      {"max_batch_rows", options.max_batch_rows},
      {"max_batch_bytes", options.max_batch_bytes},
      {"max_backlog_rows", options.max_backlog_rows},
  };
  for (const auto& [name, value] : limits) WEIR_TRY_VOID(at_least_one(name, value));
  if (options.max_header_bytes < 256) {
    return fail(errc::invalid_argument, "gateway option max_header_bytes is {}; write at least 256",
                options.max_header_bytes);
  }
  const std::pair<std::string_view, std::chrono::milliseconds> times[] = {
      {"header_timeout", options.header_timeout},   {"body_timeout", options.body_timeout},
      {"idle_timeout", options.idle_timeout},       {"write_timeout", options.write_timeout},
      {"command_timeout", options.command_timeout}, {"heartbeat", options.heartbeat},
      {"ticket_lifetime", options.ticket_lifetime}, {"session_lifetime", options.session_lifetime},
      {"stop_timeout", options.stop_timeout},
  };
  for (const auto& [name, value] : times) {
    if (value.count() <= 0) return fail(errc::invalid_argument, "gateway option {} is not above 0 ms", name);
  }
  return {};
}

gateway_options options_of(const gateway_config& config) {
  gateway_options out;
  out.host = config.host;
  out.port = static_cast<std::uint16_t>(config.port);
  out.token = config.token;
  out.allowed_hosts = config.allowed_hosts;
  out.allowed_origins = config.allowed_origins;
  out.metrics_open = config.metrics_open;
  out.threads = static_cast<int>(config.threads);
  out.max_connections = static_cast<std::size_t>(config.max_connections);
  out.max_request_bytes = static_cast<std::size_t>(config.max_request_bytes);
  out.max_inflated_bytes = static_cast<std::size_t>(config.max_inflated_bytes);
  out.max_request_lines = static_cast<std::size_t>(config.max_request_lines);
  out.max_subscriptions = static_cast<std::size_t>(config.max_subscriptions);
  out.max_backlog_rows = static_cast<std::uint64_t>(config.max_backlog_rows);
  out.header_timeout = milliseconds_of(config.header_timeout_us);
  out.idle_timeout = milliseconds_of(config.idle_timeout_us);
  out.write_timeout = milliseconds_of(config.write_timeout_us);
  return out;
}

}  // namespace weir
