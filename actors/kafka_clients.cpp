#include "actors/kafka_clients.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <fstream>

namespace weir {

namespace {

constexpr int syslog_warning = 4;

}  // namespace

result<std::string> first_line_of(const std::string& path, std::string_view key) {
  std::ifstream in(path);
  std::string line;
  if (!in || !std::getline(in, line) || line.empty())
    return fail(errc::not_found, "{} {} cannot be read or its first line is empty", key, path);
  return line;
}

result<std::map<std::string, std::string>> kafka_security(const kafka_access& access, std::string_view section) {
  std::map<std::string, std::string> out;
  out["security.protocol"] = access.protocol;
  if (!access.ca.empty()) out["ssl.ca.location"] = access.ca;
  if (!access.protocol.starts_with("sasl")) return out;
  WEIR_TRY(password, first_line_of(access.password_file, fmt::format("{}.password_file", section)));
  out["sasl.mechanism"] = access.mechanism;
  out["sasl.username"] = access.user;
  out["sasl.password"] = std::move(password);
  return out;
}

bool kafka_clients::is_log(const std::string& brokers) const {
  return config_.log.kind == "kafka" && brokers == config_.kafka.brokers;
}

std::vector<std::string> kafka_clients::allowed() const {
  std::vector<std::string> out;
  if (config_.log.kind == "kafka") out.push_back(config_.kafka.brokers);
  for (const auto& brokers : config_.sources.kafka_allow)
    if (std::ranges::count(out, brokers) == 0) out.push_back(brokers);
  return out;
}

result<std::shared_ptr<external_topics>> kafka_clients::open(const std::string& brokers) {
  std::lock_guard lock(mutex_);
  auto& known = open_[brokers];
  if (known) return known;
  external_options o;
  o.brokers = brokers;
  o.timeout = std::chrono::milliseconds(config_.sources.kafka_timeout_us / 1'000);
  o.buffer_bytes = static_cast<std::size_t>(config_.sources.kafka_buffer_bytes);
  const bool own = is_log(brokers);
  WEIR_TRY(security, kafka_security(own ? static_cast<const kafka_access&>(config_.kafka) : config_.sources.kafka,
                                    own ? "log.kafka" : "sources.kafka"));
  o.security = std::move(security);
  o.on_message = [](int level, std::string_view message) {
    spdlog::log(level <= syslog_warning ? spdlog::level::warn : spdlog::level::debug, "kafka client message=\"{}\"",
                message);
  };
  WEIR_TRY(made, open_external_topics(std::move(o)));
  known = made;
  return made;
}

}  // namespace weir
