#include "tools/weir_simulate/mqtt_delivery.hpp"

#include <fstream>
#include <iterator>
#include <thread>

namespace weir::simulate {
namespace {

using clock = std::chrono::steady_clock;
constexpr auto first_pause = std::chrono::milliseconds(50), longest_pause = std::chrono::milliseconds(1'000);

std::vector<std::string_view> messages_of(std::string_view lines) {
  std::vector<std::string_view> out;
  while (!lines.empty()) {
    const auto end = lines.find('\n');
    out.push_back(lines.substr(0, end));
    lines.remove_prefix(end == std::string_view::npos ? lines.size() : end + 1);
  }
  return out;
}

result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(errc::not_found, "the file {} cannot be read", path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace

result<mqtt_delivery_options> read_flags(const mqtt_flags& flags, const std::string& client_id) {
  mqtt_delivery_options out;
  if (flags.topic.empty() || flags.topic.find_first_of("+#") != std::string::npos)
    return fail(errc::invalid_argument, "'{}' is no topic to publish to; give --topic without wildcards", flags.topic);
  if (flags.username.empty() != flags.password_file.empty())
    return fail(errc::invalid_argument, "--username and --password-file go together");
  WEIR_TRY(broker, mqtt::parse_url(flags.url));
  out.topic = flags.topic;
  out.broker.broker = broker;
  auto& connect = out.broker.connect;
  connect.speaks = flags.version == "5" ? mqtt::version::v5 : mqtt::version::v3_1_1;
  connect.client_id = client_id;
  connect.clean = true;
  if (!flags.username.empty()) {
    WEIR_TRY(password, read_file(flags.password_file));
    while (password.ends_with('\n') || password.ends_with('\r')) password.pop_back();
    connect.username = flags.username;
    connect.password = std::move(password);
  }
  if (!broker.tls) return out;
  out.broker.tls.emplace();
  if (!flags.ca_file.empty()) {
    WEIR_TRY(ca, read_file(flags.ca_file));
    out.broker.tls->ca = std::move(ca);
  }
  return out;
}

status mqtt_delivery::send_some(const std::vector<std::string_view>& messages, std::size_t& confirmed) {
  if (!to_) {
    WEIR_TRY(made, mqtt::publisher::open(options_.broker));
    to_ = std::move(made);
  }
  return to_->send(options_.topic, messages, confirmed);
}

result<delivered> mqtt_delivery::send(const record_batch& batch) {
  if (!batch.header.empty())
    return fail(errc::unsupported, "instrument {} writes CSV, whose header no MQTT message brings", batch.instrument);
  const auto messages = messages_of(batch.lines);
  const auto end = clock::now() + options_.patience;
  auto pause = first_pause;
  std::size_t confirmed = 0;
  for (delivered out;; ++out.retried) {
    const auto sent = send_some(messages, confirmed);
    out.accepted = confirmed;
    if (sent) return out;
    to_.reset();
    const bool passes = sent.error().code == errc::unavailable || sent.error().code == errc::timeout;
    if (!passes || clock::now() >= end || stopped_) return fail(sent.error());
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, longest_pause);
  }
}

}  // namespace weir::simulate
