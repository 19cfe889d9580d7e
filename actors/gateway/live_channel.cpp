#include "actors/gateway/live_channel.hpp"

#include "actors/gateway/json_check.hpp"
#include "actors/gateway/problem.hpp"

namespace weir {
namespace {

using nlohmann::json;

const json& message_schema() {
  static const json schema = json::parse(R"json({
    "type": "object", "additionalProperties": false, "required": ["op"],
    "properties": {
      "op": {"type": "string", "enum": ["subscribe", "unsubscribe", "ping"]},
      "id": {"type": "string", "minLength": 1, "maxLength": 64},
      "view": {"type": "string", "minLength": 1, "maxLength": 200},
      "from": {"type": "string", "maxLength": 4096}}})json");
  return schema;
}

error missing(std::string_view op, std::string_view member) {
  return {errc::invalid_argument, fmt::format("{} lacks '{}'", op, member),
          R"(write {"op":"subscribe","id":"a","view":"...","from":"now"})"};
}

}  // namespace

void live_channel::refuse(const json& id, const error& what) {
  json out = {{"error", problem_json(http_status(what.code), what)}};
  if (id.is_string()) out["id"] = id;
  answers_.push_back(json_text(out));
}

void live_channel::receive(std::string_view text) {
  const auto message = parse_json(text);
  if (!message) return refuse(nullptr, message.error());
  const json id = message->is_object() ? message->value("id", json()) : json();
  if (auto valid = check_json(*message, message_schema()); !valid) return refuse(id, valid.error());
  const std::string op = (*message)["op"];
  if (op == "ping") {
    answers_.push_back(R"({"pong":true})");
    return;
  }
  if (id.is_null()) return refuse(id, missing(op, "id"));
  if (op == "unsubscribe") return unsubscribe(id);
  if (!message->contains("view")) return refuse(id, missing(op, "view"));
  subscribe(id, (*message)["view"], message->value("from", "now"));
}

void live_channel::subscribe(const std::string& id, const std::string& view, const std::string& from) {
  const auto most = context_.options.max_subscriptions_per_connection;
  if (subscriptions_.contains(id)) {
    return refuse(nullptr, {errc::already_exists, fmt::format("'{}' is subscribed on this connection", id),
                            "use another id, or unsubscribe it first"});
  }
  if (subscriptions_.size() >= most) {
    return refuse(id, {errc::limit_exceeded, fmt::format("this connection has its {} subscriptions", most),
                       "unsubscribe one, or open another connection"});
  }
  auto opened = subscription::open(context_, view, from, wake_);
  if (!opened) return refuse(id, opened.error());
  const json subscribed = {{"view", view}, {"token", (*opened)->token()}};
  answers_.push_back(json_text({{"id", id}, {"subscribed", subscribed}}));
  subscriptions_.emplace(id, std::move(*opened));
}

void live_channel::unsubscribe(const std::string& id) {
  if (subscriptions_.erase(id) == 0) {
    return refuse(id, {errc::not_found, fmt::format("'{}' is not subscribed on this connection", id), ""});
  }
  answers_.push_back(json_text({{"id", id}, {"unsubscribed", true}}));
}

std::optional<live_message> live_channel::next_message() {
  if (!answers_.empty()) {
    live_message out{std::move(answers_.front()), nullptr, {}};
    answers_.pop_front();
    return out;
  }
  auto at = subscriptions_.upper_bound(last_served_);
  for (std::size_t left = subscriptions_.size(); left > 0; --left) {
    if (at == subscriptions_.end()) at = subscriptions_.begin();
    const std::string id = at->first;
    subscription& from = *at->second;
    ++at;
    if (auto message = next_of(id, from)) {
      last_served_ = id;
      return message;
    }
  }
  return std::nullopt;
}

std::optional<live_message> live_channel::next_of(const std::string& id, subscription& from) {
  auto batch = from.next();
  if (!batch) {
    const json what = problem_json(http_status(batch.error().code), batch.error());
    subscriptions_.erase(id);
    return live_message{json_text({{"id", id}, {"error", what}}), nullptr, {}};
  }
  if (!*batch) return std::nullopt;
  return live_message{fmt::format("{{\"id\":{},", json_text(id)), std::move(*batch), "}"};
}

}  // namespace weir
