#include "actors/source/mqtt/mqtt_connector.hpp"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>

#include "actors/net/io_thread.hpp"
#include "actors/source/file_access.hpp"
#include "actors/source/front_fields.hpp"
#include "actors/source/mqtt/connection.hpp"
#include "actors/source/mqtt/mqtt_options.hpp"
#include "actors/source/mqtt/topic_filter.hpp"

namespace weir {
namespace {

constexpr int position_version = 1;
constexpr std::chrono::seconds quiet_pause{1};  // the connection wakes the source; this only shows how it is
constexpr std::size_t max_secret_file = 1U << 20;
// Topic and identifiers of a packet; properties beyond it are not read, and its message is a dead letter.
constexpr std::size_t packet_overhead = std::size_t{128} << 10;

result<std::string> read_allowed(const file_access& access, const std::string& path) {
  WEIR_TRY(resolved, access.resolve(path));
  WEIR_TRY(file, access.open(resolved));
  std::string out(max_secret_file + 1, '\0');
  std::size_t have = 0;
  while (have < out.size()) {
    const auto n = ::read(file.fd(), out.data() + have, out.size() - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error(errno, "read", path));
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  if (have > max_secret_file)
    return fail(errc::limit_exceeded, "{} has more than {} bytes", escape_name(path), max_secret_file);
  out.resize(have);
  return out;
}

// Of a trial: no session is taken over or left behind, no message is acknowledged or taken from a shared subscription.
void make_unnoticed(mqtt::session_options& session) {
  std::random_device random;
  session.connect.client_id += fmt::format(".trial.{:08x}", random());
  session.connect.clean = true;
  session.connect.session_expiry = 0;
  session.qos = 0;
  for (auto& filter : session.filters) filter = mqtt::without_group(filter);
}

class mqtt_connector final : public connector {
 public:
  mqtt_connector(std::string name, mqtt::mqtt_options options, connector_context context)
      : name_(std::move(name)), options_(std::move(options)), context_(std::move(context)) {}
  ~mqtt_connector() override;

  // Does not wait for the connection.
  status open(std::string_view position) override;
  result<source_chunk> pull(const pull_limits& limits) override;
  void committed(std::uint64_t chunk) override;
  bool connected() const override { return connection_ && connection_->subscribed(); }
  bool acknowledges() const override { return true; }

 private:
  status resume(std::string_view position);
  result<mqtt::connection_options> connection_settings() const;
  void add(mqtt::publish_packet message, source_chunk& chunk) const;
  std::string progress();

  std::string name_;
  mqtt::mqtt_options options_;
  connector_context context_;
  std::shared_ptr<mqtt::connection> connection_;
  std::uint64_t messages_ = 0;  // handed over since the source was added
  bool resumed_ = false;        // an earlier run has delivered
  bool told_of_session_ = false;

  std::mutex mutex_;  // of what follows: committed() comes from another thread than pull()
  std::uint64_t chunks_ = 0;
  std::map<std::uint64_t, std::vector<std::uint16_t>> waiting_;  // by chunk: packet identifiers
};

mqtt_connector::~mqtt_connector() {
  if (connection_) connection_->close();
}

status mqtt_connector::resume(std::string_view position) {
  const auto in = nlohmann::json::parse(position, nullptr, false);
  const bool good = in.is_object() && in.value("v", 0) == position_version && in.contains("messages") &&
                    in["messages"].is_number_unsigned();
  if (!good)
    return fail(errc::corrupt, "an MQTT source cannot resume: its position '{}' is damaged",
                escape_name(position.substr(0, 200)));
  messages_ = in["messages"].get<std::uint64_t>();
  resumed_ = messages_ > 0;
  return {};
}

result<mqtt::connection_options> mqtt_connector::connection_settings() const {
  mqtt::connection_options out;
  out.url = options_.url;
  out.host = options_.broker.host;
  out.port = options_.broker.port;
  out.connect_timeout = std::chrono::milliseconds(context_.mqtt.connect_timeout_us / 1'000);
  out.buffer_messages = options_.session.connect.receive_maximum;
  out.buffer_bytes = context_.mqtt.buffer_bytes;
  out.packets.keep = context_.max_record_bytes + packet_overhead;
  out.packets.max_length = options_.max_packet.value_or(mqtt::max_remaining);
  out.session = options_.session;
  if (context_.trial) make_unnoticed(out.session);
  out.session.answer_timeout = out.connect_timeout;
  const file_access access(context_.mqtt.folders, "sources.mqtt.folders");
  if (!options_.password_file.empty()) {
    WEIR_TRY(password, read_allowed(access, options_.password_file));
    while (password.ends_with('\n') || password.ends_with('\r')) password.pop_back();
    out.session.connect.password = std::move(password);
  }
  if (!options_.broker.tls) return out;
  out.tls.emplace();
  for (const auto& [path, to] :
       {std::pair{&options_.ca_file, &out.tls->ca}, std::pair{&options_.cert_file, &out.tls->cert},
        std::pair{&options_.key_file, &out.tls->key}}) {
    if (path->empty()) continue;
    WEIR_TRY(pem, read_allowed(access, *path));
    if (pem.empty()) return fail(errc::invalid_argument, "{} is empty", escape_name(*path));
    *to = std::move(pem);
  }
  return out;
}

status mqtt_connector::open(std::string_view position) {
  if (!context_.mqtt.network) return fail(errc::internal, "source {}: no network was given to connectors", name_);
  if (!position.empty()) WEIR_TRY_VOID(resume(position));
  WEIR_TRY(settings, connection_settings());
  connection_ =
      std::make_shared<mqtt::connection>(context_.mqtt.network->context(), std::move(settings), context_.wake);
  connection_->start();
  return {};
}

void mqtt_connector::add(mqtt::publish_packet message, source_chunk& chunk) const {
  const auto most = context_.max_record_bytes;
  if (!options_.topic_column.empty() && message.cut_from == 0)
    message.payload = with_topic(message.payload, options_.topic_column, message.topic);
  if (message.cut_from == 0 && message.payload.size() <= most) {
    chunk.records.append(message.payload);
    return;
  }
  const auto size = std::max<std::uint64_t>(message.cut_from, message.payload.size());
  chunk.failures.push_back({fmt::format("the message on topic {} has {} bytes, more than log.max_record = {}",
                                        escape_name(message.topic.substr(0, 200)), size, most),
                            message.payload.substr(0, most)});
}

result<source_chunk> mqtt_connector::pull(const pull_limits& limits) {
  if (!connection_) return fail(errc::internal, "an MQTT source was pulled before it was opened");
  WEIR_TRY(messages, connection_->take(std::max<std::size_t>(1, limits.max_records), limits.max_bytes));
  source_chunk chunk;
  std::vector<std::uint16_t> ids;
  messages_ += messages.size();
  const bool any = !messages.empty();
  for (auto& m : messages) {
    if (m.id != 0) ids.push_back(m.id);
    add(std::move(m), chunk);
  }
  chunk.position = nlohmann::json{{"v", position_version}, {"messages", messages_}}.dump();
  chunk.progress = progress();
  chunk.least_pause = chunk.longest_pause = quiet_pause;
  if (any) {
    std::lock_guard lock(mutex_);
    waiting_[++chunks_] = std::move(ids);
  }
  return chunk;
}

// Words for people; and once for the log, when the broker has forgotten what it should have kept.
std::string mqtt_connector::progress() {
  if (!connection_->subscribed()) return fmt::format("connecting to {}", options_.url);
  const bool kept = connection_->session_present();
  if (!std::exchange(told_of_session_, true) && !kept && resumed_ && !options_.session.connect.clean)
    spdlog::warn("the broker has not kept the session source={} broker={} client_id={}: what came while away is lost",
                 name_, options_.url, escape_name(options_.session.connect.client_id));
  return fmt::format("{}, {} session, {} messages", options_.url, kept ? "resumed" : "new", messages_);
}

void mqtt_connector::committed(std::uint64_t chunk) {
  std::vector<std::uint16_t> ids;
  {
    std::lock_guard lock(mutex_);
    const auto it = waiting_.find(chunk);
    if (it == waiting_.end()) return;
    ids = std::move(it->second);
    waiting_.erase(it);
  }
  if (connection_) connection_->acknowledge(std::move(ids));
}

}  // namespace

result<std::unique_ptr<connector>> make_mqtt_connector(const source_spec& spec, const connector_context& context) {
  WEIR_TRY(options, mqtt::read_mqtt_options(spec, context));
  return std::make_unique<mqtt_connector>(spec.name, std::move(options), context);
}

std::string with_topic(std::string_view record, std::string_view column, std::string_view topic) {
  std::string fields;
  add_front_field(fields, nlohmann::json(column).dump(), nlohmann::json(topic).dump());
  return put_in_front(record, fields);
}

}  // namespace weir
