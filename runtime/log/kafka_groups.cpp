#include "runtime/log/kafka_groups.hpp"

#include <algorithm>
#include <list>

#include "runtime/log/kafka_client.hpp"

namespace weir {

namespace {

constexpr std::size_t most_clients = 32;

// The library (2.0.2 and later, its pull request 5397) ends the process when the connection to a group's coordinator is
// lost under one of its admin requests (AlterConsumerGroupOffsets, DeleteGroups): a broker that is silent for ten
// minutes was enough. So offsets are committed as a consumer does it, which wants a client for each group.
class groups final : public kafka_groups {
 public:
  explicit groups(kafka_log_options options) : options_(std::move(options)) {}

  status write(const std::string& group, const std::vector<group_offset>& offsets) override {
    if (offsets.empty()) return {};
    kafka::time_limit const limit(options_.timeout);
    auto const what = "writing offsets of group " + group;
    WEIR_TRY(client, client_of(group));
    kafka::partitions_ptr const list(rd_kafka_topic_partition_list_new(static_cast<int>(offsets.size())));
    for (auto const& one : offsets)
      rd_kafka_topic_partition_list_add(list.get(), one.topic.c_str(), one.partition)->offset = one.offset;
    auto const queue = client->make_queue();  // of this call: what comes after its time is nobody's
    auto const asked = rd_kafka_commit_queue(client->get(), list.get(), queue.get(), nullptr, nullptr);
    if (asked != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(client->failed(what, asked));
    kafka::event_ptr const answer(rd_kafka_queue_poll(queue.get(), limit.left_ms()));
    if (!answer) return fail(client->failed(what, RD_KAFKA_RESP_ERR__TIMED_OUT));
    auto const* written = rd_kafka_event_topic_partition_list(answer.get());
    for (int i = 0; written != nullptr && i < written->cnt; ++i) {
      auto const& one = written->elems[i];
      if (one.err != RD_KAFKA_RESP_ERR_NO_ERROR)
        return fail(client->failed(fmt::format("{}, {}[{}]", what, one.topic, one.partition), one.err));
    }
    if (auto const problem = rd_kafka_event_error(answer.get()); problem != RD_KAFKA_RESP_ERR_NO_ERROR)
      return fail(client->failed(what, problem));
    return {};
  }

 private:
  struct known_client {
    std::string group;
    std::unique_ptr<kafka::client> client;
  };

  result<kafka::client*> client_of(const std::string& group) {
    auto const known = std::find_if(clients_.begin(), clients_.end(), [&](const auto& c) { return c.group == group; });
    if (known != clients_.end()) {
      clients_.splice(clients_.begin(), clients_, known);
      return clients_.front().client.get();
    }
    WEIR_TRY(made,
             kafka::client::open(RD_KAFKA_CONSUMER, options_, {{"group.id", group}, {"enable.auto.commit", "false"}}));
    if (clients_.size() >= most_clients) clients_.pop_back();
    clients_.push_front({group, std::move(made)});
    return clients_.front().client.get();
  }

  kafka_log_options options_;
  std::list<known_client> clients_;  // used last first
};

}  // namespace

std::unique_ptr<kafka_groups> make_kafka_groups(kafka_log_options options) {
  return std::make_unique<groups>(std::move(options));
}

}  // namespace weir
