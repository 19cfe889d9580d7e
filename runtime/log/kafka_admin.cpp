#include "runtime/log/kafka_admin.hpp"

#include <algorithm>
#include <thread>

namespace weir::kafka {

namespace {

constexpr std::chrono::milliseconds look_again{5};
constexpr int answer_wait_ms = 1'000;  // for a broker that may be away
constexpr int no_leader = -1, any_broker = -1;

using new_topic_ptr = std::unique_ptr<rd_kafka_NewTopic_t, destroyer<rd_kafka_NewTopic_destroy>>;
using delete_topic_ptr = std::unique_ptr<rd_kafka_DeleteTopic_t, destroyer<rd_kafka_DeleteTopic_destroy>>;
using resource_ptr = std::unique_ptr<rd_kafka_ConfigResource_t, destroyer<rd_kafka_ConfigResource_destroy>>;
using admin_options_ptr = std::unique_ptr<rd_kafka_AdminOptions_t, destroyer<rd_kafka_AdminOptions_destroy>>;

found_topic shape(const rd_kafka_metadata_topic_t& topic) {
  found_topic out;
  out.name = topic.topic;
  out.partitions = topic.partition_cnt;
  for (int i = 0; i < topic.partition_cnt; ++i) {
    auto const& partition = topic.partitions[i];
    out.replicas = i == 0 ? partition.replica_cnt : std::min(out.replicas, partition.replica_cnt);
    if (partition.leader < 0) out.partitions = no_leader;
  }
  return out;
}

status answer_of(const client& c, std::string_view what, const rd_kafka_topic_result_t* answer) {
  auto const code = rd_kafka_topic_result_error(answer);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  auto const* text = rd_kafka_topic_result_error_string(answer);
  return fail(c.failed(what, code, text == nullptr ? "" : text));
}

void take_settings(found_topic& topic, const rd_kafka_ConfigResource_t* described) {
  std::size_t count = 0;
  auto const* const* entries = rd_kafka_ConfigResource_configs(described, &count);
  for (std::size_t i = 0; i < count; ++i) {
    auto const* value = rd_kafka_ConfigEntry_value(entries[i]);
    topic.settings[rd_kafka_ConfigEntry_name(entries[i])] = {
        value == nullptr ? "" : value,
        rd_kafka_ConfigEntry_source(entries[i]) == RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG};
  }
}

}  // namespace

result<std::unique_ptr<admin>> admin::open(const kafka_log_options& options) {
  WEIR_TRY(made, client::open(RD_KAFKA_CONSUMER, options, {{"isolation.level", "read_uncommitted"}}));
  return std::unique_ptr<admin>(new admin(std::move(made)));
}

result<event_ptr> admin::ask(rd_kafka_admin_op_t kind, std::string_view what, const time_limit& limit,
                             const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send) const {
  auto const queue = client_->make_queue();
  admin_options_ptr const options(rd_kafka_AdminOptions_new(client_->get(), kind));
  char why[256];
  auto const code =
      rd_kafka_AdminOptions_set_request_timeout(options.get(), std::max(1, limit.left_ms()), why, sizeof why);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client_->failed(what, code, why));
  send(options.get(), queue.get());
  event_ptr answer(rd_kafka_queue_poll(queue.get(), limit.left_ms() + 1000));  // the request times out before
  if (!answer) return fail(client_->failed(what, RD_KAFKA_RESP_ERR__TIMED_OUT));
  if (auto const problem = rd_kafka_event_error(answer.get()); problem != RD_KAFKA_RESP_ERR_NO_ERROR)
    return fail(client_->failed(what, problem, rd_kafka_event_error_string(answer.get())));
  return answer;
}

result<std::vector<found_topic>> admin::list(std::string_view prefix, const time_limit& limit) const {
  const rd_kafka_metadata_t* raw = nullptr;
  auto const code = rd_kafka_metadata(client_->get(), 1, nullptr, &raw, limit.left_ms());
  metadata_ptr const metadata(raw);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client_->failed("listing topics", code));
  std::vector<found_topic> out;
  for (int i = 0; i < metadata->topic_cnt; ++i) {
    auto const& topic = metadata->topics[i];
    if (topic.err == RD_KAFKA_RESP_ERR_NO_ERROR && std::string_view(topic.topic).starts_with(prefix))
      out.push_back(shape(topic));
  }
  return out;
}

result<std::optional<found_topic>> admin::shape_of(const std::string& name, const time_limit& limit) const {
  topic_ptr const topic(rd_kafka_topic_new(client_->get(), name.c_str(), nullptr));
  const rd_kafka_metadata_t* raw = nullptr;
  auto const code = rd_kafka_metadata(client_->get(), 0, topic.get(), &raw, limit.left_ms());
  metadata_ptr const metadata(raw);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client_->failed("asking for topic " + name, code));
  if (metadata->topic_cnt == 0) return std::nullopt;
  auto const& found = metadata->topics[0];
  if (found.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return std::nullopt;
  if (found.err == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) return found_topic{name, no_leader, 0, {}};
  if (found.err != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client_->failed("asking for topic " + name, found.err));
  return shape(found);
}

result<std::optional<found_topic>> admin::find(const std::string& name, const time_limit& limit) const {
  WEIR_TRY(found, shape_of(name, limit));
  if (!found) return std::nullopt;
  std::vector<found_topic> one{std::move(*found)};
  WEIR_TRY_VOID(describe(one, limit));
  if (one.empty()) return std::nullopt;
  return std::move(one.front());
}

status admin::describe(std::vector<found_topic>& topics, const time_limit& limit) const {
  return describe_at(any_broker, topics, limit);
}

status admin::describe_at(int broker, std::vector<found_topic>& topics, const time_limit& limit) const {
  if (topics.empty()) return {};
  std::vector<resource_ptr> resources;
  std::vector<rd_kafka_ConfigResource_t*> asked;
  for (auto const& topic : topics) {
    resources.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.name.c_str()));
    asked.push_back(resources.back().get());
  }
  constexpr std::string_view what = "reading the settings of topics";
  WEIR_TRY(answer, ask(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, what, limit, [&](auto* options, auto* queue) {
             char why[256];
             if (broker != any_broker) rd_kafka_AdminOptions_set_broker(options, broker, why, sizeof why);
             rd_kafka_DescribeConfigs(client_->get(), asked.data(), asked.size(), options, queue);
           }));
  std::size_t count = 0;
  auto const* const* described =
      rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(answer.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    auto const it = std::find_if(topics.begin(), topics.end(), [&](const found_topic& topic) {
      return topic.name == rd_kafka_ConfigResource_name(described[i]);
    });
    if (it == topics.end()) continue;
    auto const code = rd_kafka_ConfigResource_error(described[i]);
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      topics.erase(it);
      continue;
    }
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client_->failed(what, code, it->name));
    take_settings(*it, described[i]);
  }
  return {};
}

status admin::create(const topic_config& config, int replication, const std::vector<topic_setting>& settings,
                     const time_limit& limit) const {
  auto const what = "creating topic " + config.name;
  char why[512];
  new_topic_ptr const topic(
      rd_kafka_NewTopic_new(config.name.c_str(), config.partitions, replication, why, sizeof why));
  if (!topic) return fail(errc::invalid_argument, "{}: {}", what, why);
  for (auto const& one : settings) {
    auto const code = rd_kafka_NewTopic_set_config(topic.get(), one.name.c_str(), one.value.c_str());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client_->failed(what, code, one.name));
  }
  WEIR_TRY(answer, ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, what, limit, [&](auto* options, auto* queue) {
             auto* asked = topic.get();
             rd_kafka_CreateTopics(client_->get(), &asked, 1, options, queue);
           }));
  std::size_t count = 0;
  auto const* const* answers =
      rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(answer.get()), &count);
  for (std::size_t i = 0; i < count; ++i) WEIR_TRY_VOID(answer_of(*client_, what, answers[i]));
  return wait(what, limit, [&]() -> result<bool> {
    WEIR_TRY(found, shape_of(config.name, limit));
    if (!found || found->partitions != config.partitions) return false;
    return each_says(config.name, limit, [](const found_topic* it) { return it != nullptr; });
  });
}

status admin::change(const found_topic& found, const std::vector<topic_setting>& wanted,
                     const time_limit& limit) const {
  auto const what = "changing topic " + found.name;
  resource_ptr const resource(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, found.name.c_str()));
  // The request replaces all that is set on the topic: what is not ours is given again.
  std::map<std::string, std::string> all;
  for (auto const& [name, setting] : found.settings)
    if (setting.own) all[name] = setting.value;
  for (auto const& one : wanted)
    if (one.is == topic_setting::rule::follows) all[one.name] = one.value;
  for (auto const& [name, value] : all) {
    auto const code = rd_kafka_ConfigResource_set_config(resource.get(), name.c_str(), value.c_str());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client_->failed(what, code, name));
  }
  WEIR_TRY(answer, ask(RD_KAFKA_ADMIN_OP_ALTERCONFIGS, what, limit, [&](auto* options, auto* queue) {
             auto* asked = resource.get();
             rd_kafka_AlterConfigs(client_->get(), &asked, 1, options, queue);
           }));
  std::size_t count = 0;
  auto const* const* answers =
      rd_kafka_AlterConfigs_result_resources(rd_kafka_event_AlterConfigs_result(answer.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    auto const code = rd_kafka_ConfigResource_error(answers[i]);
    auto const* text = rd_kafka_ConfigResource_error_string(answers[i]);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client_->failed(what, code, text == nullptr ? "" : text));
  }
  return wait(what, limit, [&]() -> result<bool> {
    auto const follows = [&](const found_topic* it) { return it == nullptr || !has_to_follow(*it, wanted); };
    return each_says(found.name, limit, follows);
  });
}

status admin::remove(const std::string& name, const time_limit& limit) const {
  auto const what = "dropping topic " + name;
  delete_topic_ptr const topic(rd_kafka_DeleteTopic_new(name.c_str()));
  WEIR_TRY(answer, ask(RD_KAFKA_ADMIN_OP_DELETETOPICS, what, limit, [&](auto* options, auto* queue) {
             auto* asked = topic.get();
             rd_kafka_DeleteTopics(client_->get(), &asked, 1, options, queue);
           }));
  std::size_t count = 0;
  auto const* const* answers =
      rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(answer.get()), &count);
  for (std::size_t i = 0; i < count; ++i) {
    if (rd_kafka_topic_result_error(answers[i]) == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
      return fail(errc::not_found, "the log has no topic {}", name);
    WEIR_TRY_VOID(answer_of(*client_, what, answers[i]));
  }
  return wait(what, limit, [&]() -> result<bool> {
    return each_says(name, limit, [](const found_topic* it) { return it == nullptr; });
  });
}

result<bool> admin::each_says(const std::string& name, const time_limit& limit,
                              const std::function<bool(const found_topic*)>& as_wanted) const {
  const rd_kafka_metadata_t* raw = nullptr;
  auto const code = rd_kafka_metadata(client_->get(), 0, nullptr, &raw, limit.left_ms());
  metadata_ptr const metadata(raw);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client_->failed("asking for the brokers", code));
  for (int i = 0; i < metadata->broker_cnt; ++i) {
    std::vector<found_topic> one{{name, 0, 0, {}}};
    time_limit const turn(std::chrono::milliseconds(limit.left_ms(answer_wait_ms)));
    auto told = describe_at(metadata->brokers[i].id, one, turn);
    if (!told && told.error().code == errc::unavailable) continue;  // who is away hears of it before it serves again
    if (!told) return fail(std::move(told).error());
    if (!as_wanted(one.empty() ? nullptr : &one.front())) return false;
  }
  return true;
}

status admin::wait(std::string_view what, const time_limit& limit, const std::function<result<bool>()>& agree) const {
  for (;;) {
    WEIR_TRY(done, agree());
    if (done) return {};
    if (limit.over()) return fail(client_->failed(what, RD_KAFKA_RESP_ERR__TIMED_OUT, "the brokers do not agree yet"));
    std::this_thread::sleep_for(look_again);
  }
}

}  // namespace weir::kafka
