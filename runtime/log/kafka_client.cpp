#include "runtime/log/kafka_client.hpp"

#include <algorithm>
#include <thread>

namespace weir::kafka {

namespace {

// Measured on Kafka 3.9 (librdkafka 2.0.2): with the library's own waits a transaction that follows another at once
// stands still for 100 ms, a topic that is new to a client for up to a second.
const std::vector<client_setting> for_every_client{
    {"client.id", "weir"},
    {"socket.nagle.disable", "true"},
    {"socket.timeout.ms", "3000"},
    {"reconnect.backoff.ms", "20"},
    {"reconnect.backoff.max.ms", "500"},
    {"retry.backoff.ms", "10"},
    {"topic.metadata.refresh.fast.interval.ms", "100"},
    {"allow.auto.create.topics", "false"},
};

constexpr int first_retry_ms = 5, longest_retry_ms = 100;

struct conf_holder {
  std::unique_ptr<rd_kafka_conf_t, destroyer<rd_kafka_conf_destroy>> conf{rd_kafka_conf_new()};

  status set(const std::string& name, const std::string& value) const {
    char why[512];
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), why, sizeof why) == RD_KAFKA_CONF_OK) return {};
    return fail(errc::invalid_argument, "Kafka client: {}", why);  // never the value: it may be a password
  }
};

}  // namespace

int time_limit::left_ms(int most) const {
  using namespace std::chrono;
  auto const left = duration_cast<milliseconds>(end_ - steady_clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, most));
}

errc code_of(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION: return errc::not_found;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET: return errc::offset_out_of_range;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION: return errc::permission_denied;
    case RD_KAFKA_RESP_ERR__FENCED:
    case RD_KAFKA_RESP_ERR_PRODUCER_FENCED:
    case RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH: return errc::fenced;
    case RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS: return errc::already_exists;
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
    case RD_KAFKA_RESP_ERR_INVALID_PARTITIONS:
    case RD_KAFKA_RESP_ERR_INVALID_CONFIG:
    case RD_KAFKA_RESP_ERR_INVALID_REQUEST:
    case RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT: return errc::invalid_argument;
    default: return errc::unavailable;
  }
}

bool is_passing(rd_kafka_resp_err_t code) {
  return code != RD_KAFKA_RESP_ERR_NO_ERROR && code_of(code) == errc::unavailable;
}

std::string text_of(rd_kafka_resp_err_t code) {
  return fmt::format("{} ({})", rd_kafka_err2str(code), rd_kafka_err2name(code));
}

client::client(const kafka_log_options& options, delivery_listener* listener)
    : brokers_(options.brokers), on_message_(options.on_message), listener_(listener) {}

result<std::unique_ptr<client>> client::open(rd_kafka_type_t type, const kafka_log_options& options,
                                             const std::vector<client_setting>& settings, delivery_listener* listener) {
  std::unique_ptr<client> made(new client(options, listener));
  conf_holder holder;
  for (auto const& one : for_every_client) WEIR_TRY_VOID(holder.set(one.name, one.value));
  WEIR_TRY_VOID(holder.set("bootstrap.servers", options.brokers));
  for (auto const& [name, value] : options.security) WEIR_TRY_VOID(holder.set(name, value));
  for (auto const& one : settings) WEIR_TRY_VOID(holder.set(one.name, one.value));
  auto* conf = holder.conf.get();
  rd_kafka_conf_set_opaque(conf, made.get());
  rd_kafka_conf_set_log_cb(conf, [](const rd_kafka_t* rk, int level, const char* about, const char* text) {
    // A setting that only producers or only consumers know: the list is for both.
    if (std::string_view(about) == "CONFWARN") return;
    auto const& self = of(rd_kafka_opaque(rk));
    if (self.on_message_) self.on_message_(level, text);
  });
  rd_kafka_conf_set_error_cb(
      conf, [](rd_kafka_t*, int code, const char* reason, void* opaque) { of(opaque).hear(code, reason); });
  if (listener != nullptr) {
    rd_kafka_conf_set_dr_msg_cb(conf, [](rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
      of(opaque).listener_->delivered(*message);
    });
  }
  char why[512];
  made->instance_.reset(rd_kafka_new(type, conf, why, sizeof why));
  if (!made->instance_) return fail(errc::invalid_argument, "Kafka client: {}", why);
  static_cast<void>(holder.conf.release());  // the instance's now
  return made;
}

void client::hear(int code, const char* reason) {
  std::lock_guard const lock(mutex_);
  trouble_ = fmt::format("{}: {}", rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(code)), reason);
}

result<topic_ptr> client::topic(const std::string& name, const time_limit& limit) const {
  topic_ptr topic(rd_kafka_topic_new(get(), name.c_str(), nullptr));
  if (!topic) return fail(failed("opening topic " + name, rd_kafka_last_error()));
  const rd_kafka_metadata_t* raw = nullptr;
  auto const code = rd_kafka_metadata(get(), 0, topic.get(), &raw, limit.left_ms());
  metadata_ptr const metadata(raw);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(failed("asking for topic " + name, code));
  if (metadata->topic_cnt == 1 && metadata->topics[0].err != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(failed("asking for topic " + name, metadata->topics[0].err));
  return topic;
}

// rd_kafka_query_watermark_offsets would ask for start and end, but takes no notice of its timeout (2.0.2: with a
// broker that is silent it never returns). The request is the same.
result<std::optional<std::int64_t>> client::offset_at(const std::string& topic, int partition, std::int64_t when,
                                                      const time_limit& limit) const {
  for (int wait = first_retry_ms;; wait = std::min(2 * wait, longest_retry_ms)) {
    partitions_ptr const asked(rd_kafka_topic_partition_list_new(1));
    rd_kafka_topic_partition_list_add(asked.get(), topic.c_str(), partition)->offset = when;
    auto code = rd_kafka_offsets_for_times(get(), asked.get(), std::max(1, limit.left_ms()));
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) code = asked->elems[0].err;
    auto const offset = asked->elems[0].offset;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return offset < 0 ? std::nullopt : std::optional(offset);
    bool const passing = is_passing(code) && !limit.over();
    if (passing) std::this_thread::sleep_for(std::chrono::milliseconds(limit.left_ms(wait)));
    // Who leads may have changed, or the topic be newer than what the library knows, and it asks nobody again.
    static_cast<void>(this->topic(topic, limit));
    if (!passing) return fail(failed(fmt::format("asking for offsets of {}[{}]", topic, partition), code));
  }
}

void client::look_again(const std::string& topic, int partition) const {
  constexpr int until_sent_ms = 1;
  partitions_ptr const asked(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(asked.get(), topic.c_str(), partition)->offset = partition_end;
  rd_kafka_offsets_for_times(get(), asked.get(), until_sent_ms);
}

error client::failed(std::string_view what, rd_kafka_resp_err_t code, std::string_view text) const {
  rd_kafka_poll(get(), 0);  // serves what the connections have to say
  error out{code_of(code), fmt::format("Kafka at {}: {}: {}", brokers_, what, text_of(code)), {}};
  if (!text.empty()) out.message += fmt::format(", {}", text);
  if (code == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR)
    out.hint = "write at most as many copies as there are brokers in log.kafka.replication";
  if (out.code != errc::unavailable) return out;
  std::lock_guard const lock(mutex_);
  if (!trouble_.empty()) out.message += fmt::format("; last heard: {}", trouble_);
  out.hint = "check that the brokers run and are reached from here";
  return out;
}

}  // namespace weir::kafka
