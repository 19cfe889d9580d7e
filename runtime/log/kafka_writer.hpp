// The transactional producer of one writer id.
//
// What an error of a commit says is decided by one question: was the broker ever asked to end the transaction with a
// commit? Before that nothing can stand, whatever happens; after that only a clear answer is believed, everything else
// is an unknown outcome. An abort that succeeds leaves the writer usable; any other end kills it.
#pragma once

#include "runtime/log/kafka_cluster.hpp"

namespace weir::kafka {

class writer final : public log_writer, private delivery_listener {
 public:
  static result<std::unique_ptr<log_writer>> open(std::shared_ptr<cluster> brokers, std::string id);

  result<std::vector<std::int64_t>> commit(std::span<const log_append> batch) override;
  std::chrono::steady_clock::time_point rests_until() const override { return rests_until_; }

 private:
  struct known_topic {
    topic_ref of;
    topic_ptr topic;
  };
  struct delivery_failure {
    rd_kafka_resp_err_t code = RD_KAFKA_RESP_ERR_NO_ERROR;
    std::size_t entry = 0;
  };

  writer(std::shared_ptr<cluster> brokers, std::string id) : brokers_(std::move(brokers)), id_(std::move(id)) {}
  result<std::unique_ptr<client>> connect(const time_limit& limit);
  status fence(const time_limit& limit);

  // Checks every entry and finds its topic; nothing is sent yet.
  status prepare(std::span<const log_append> batch, const time_limit& limit);
  result<rd_kafka_topic_t*> topic_of(const log_append& entry, const time_limit& limit);
  // Begins, sends, and learns that every entry has arrived; after a failure the transaction is aborted or the writer
  // dead.
  status deliver(std::span<const log_append> batch, const time_limit& limit);
  status produce(std::span<const log_append> batch, const time_limit& limit);
  status flush(std::span<const log_append> batch, const time_limit& limit);
  status end(const time_limit& limit);
  // The first of the batch's topics that the brokers no longer have.
  std::optional<error> missing_topic(std::span<const log_append> batch, const time_limit& limit);
  // After a failure before the end was asked for.
  tl::unexpected<error> give_up(error why, const time_limit& limit);
  tl::unexpected<error> die(error why);
  std::optional<error> fatal() const;
  void delivered(const rd_kafka_message_t& message) override;

  std::shared_ptr<cluster> brokers_;
  std::string id_;
  std::optional<error> dead_;
  std::vector<rd_kafka_topic_t*> targets_;  // of the batch under way, entry by entry
  std::vector<std::int64_t> offsets_;
  std::size_t undelivered_ = 0;
  std::uint32_t transaction_ = 0;  // reports of an aborted one may come during the next
  delivery_failure failure_;
  std::chrono::steady_clock::time_point rests_until_;
  bool refused_before_ = false;  // the library may have lost count of a partition's entries
  std::unique_ptr<client> client_;
  std::map<std::string, known_topic, std::less<>> topics_;  // after the client: theirs end first
};

}  // namespace weir::kafka
