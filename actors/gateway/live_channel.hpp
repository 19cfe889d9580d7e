// What is said on one WebSocket, without the socket. Client to server: {"op":"subscribe","id","view","from"},
// {"op":"unsubscribe","id"}, {"op":"ping"}. Server to client: {"id","subscribed":{"view","token"}},
// {"id","rows":[..],"deleted":[..],"token"}, {"id","shed":n,"token"}, {"id","unsubscribed":true}, {"id","error":{..}},
// {"pong":true}. An error with the id of a subscription ends that subscription; the others go on.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "actors/gateway/subscription.hpp"

namespace weir {

// A message as it goes out: the parts that are its own, and between them the text that it shares with other clients.
struct live_message {
  std::string head;
  live_batch_ptr batch;   // none: the head is all
  std::string_view tail;  // of what has a batch
};

class live_channel {
 public:
  // `wake` is called from any thread when next_message() may have more.
  live_channel(const gateway_context& context, std::function<void()> wake)
      : context_(context), wake_(std::move(wake)) {}

  // Takes one message of the client; what there is to answer comes out of next_message().
  void receive(std::string_view text);

  // What to write next: answers first, then batches of the subscriptions in turn. nullopt: nothing for now.
  std::optional<live_message> next_message();

  // Answers wait for a client that does not read: take no more of its messages.
  bool congested() const { return answers_.size() >= max_answers; }

 private:
  static constexpr std::size_t max_answers = 64;

  void subscribe(const std::string& id, const std::string& view, const std::string& from);
  void unsubscribe(const std::string& id);
  void refuse(const nlohmann::json& id, const error& what);
  std::optional<live_message> next_of(const std::string& id, subscription& from);

  const gateway_context& context_;
  std::function<void()> wake_;
  std::map<std::string, std::unique_ptr<subscription>> subscriptions_;
  std::string last_served_;  // its successor is asked first
  std::deque<std::string> answers_;
};

}  // namespace weir
