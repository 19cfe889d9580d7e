#include "runtime/log/kafka_catalogue.hpp"

#include <algorithm>
#include <thread>

#include "runtime/log/log_checks.hpp"

namespace weir::kafka {

namespace {

// Brokers hear of a new topic one after the other, and any of them may be asked.
constexpr std::chrono::seconds news_travel{5};
constexpr std::chrono::milliseconds absence{500};  // for so long a topic that was never met must be unknown
constexpr std::chrono::milliseconds look_again{20};

// Under the catalogue's lock. The rest of a topic's settings never changes, and is read without it.
void take_retention(topic_state& topic, const topic_config& from) {
  topic.config.retention_ms = from.retention_ms;
  topic.config.retention_bytes = from.retention_bytes;
}

bool is_new(const topic_state& topic) { return std::chrono::steady_clock::now() - topic.met_at < news_travel; }

}  // namespace

topic_ref catalogue::met(std::string_view name) {
  std::lock_guard const lock(mutex_);
  auto const it = topics_.find(name);
  return it == topics_.end() ? nullptr : it->second;
}

topic_ref catalogue::meet(const found_topic& found) {
  auto const topic = std::make_shared<topic_state>();
  topic->config = config_of(found);
  std::lock_guard const lock(mutex_);
  return topics_.try_emplace(found.name, topic).first->second;
}

void catalogue::forget(const topic_ref& topic) {
  topic->dropped = true;
  std::lock_guard const lock(mutex_);
  if (auto const it = topics_.find(topic->config.name); it != topics_.end() && it->second == topic) topics_.erase(it);
}

bool catalogue::is_gone(const topic_ref& topic, const time_limit& limit) {
  while (!topic->dropped) {
    auto const found = brokers_.find(topic->config.name, limit);
    if (!found || (*found && (*found)->partitions == topic->config.partitions)) return false;
    if (!is_new(*topic)) break;  // else a broker may speak of an older one of its name, or know of none
    if (limit.over()) return false;
    std::this_thread::sleep_for(look_again);
  }
  forget(topic);
  return true;
}

result<topic_ref> catalogue::find(std::string_view name, const time_limit& limit) {
  if (auto known = met(name)) return known;
  if (!check_topic_config({.name = std::string(name)})) return topic_ref{};  // no topic has such a name
  if (was_dropped_lately(name)) return topic_ref{};  // whatever a broker says that has not heard of it
  for (auto const until = std::chrono::steady_clock::now() + absence;;) {
    WEIR_TRY(found, brokers_.find(std::string(name), limit));
    if (found) return meet(*found);
    if (std::chrono::steady_clock::now() >= until || limit.over()) return topic_ref{};
    std::this_thread::sleep_for(look_again);
  }
}

status catalogue::create(const topic_config& config, const time_limit& limit) {
  WEIR_TRY_VOID(check_topic_config(config));
  std::lock_guard const one_at_a_time(changes_);
  if (auto const known = met(config.name); known && known->checked && known->config == config) return {};
  auto const wanted = wanted_settings(config, options_);
  std::optional<found_topic> found;
  for (;;) {
    WEIR_TRY(there, brokers_.find(config.name, limit));
    found = std::move(there);
    if (found) break;
    auto made = brokers_.create(config, options_.replication, wanted, limit);
    if (!made && made.error().code == errc::already_exists) {  // whoever was asked had not heard of it
      if (limit.over())
        return fail(errc::unavailable, "topic {} is being made or dropped by others; try again", config.name);
      std::this_thread::sleep_for(look_again);
      continue;
    }
    if (!made) return made;
    auto const topic = std::make_shared<topic_state>();
    topic->config = config;
    topic->checked = true;
    std::lock_guard const lock(mutex_);
    topics_[config.name] = topic;
    dropped_at_.erase(config.name);
    return {};
  }
  WEIR_TRY_VOID(check_same_topic(config_of(*found), config));
  WEIR_TRY_VOID(check_settings(*found, config, options_));
  if (has_to_follow(*found, wanted)) WEIR_TRY_VOID(brokers_.change(*found, wanted, limit));
  auto const topic = meet(*found);
  topic->checked = true;
  std::lock_guard const lock(mutex_);
  take_retention(*topic, config);
  return {};
}

status catalogue::drop(const std::string& name, const time_limit& limit) {
  std::lock_guard const one_at_a_time(changes_);
  if (!check_topic_config({.name = name})) return fail(errc::not_found, "the log has no topic {}", name);
  auto removed = brokers_.remove(name, limit);
  if (auto const known = met(name); known && (removed || removed.error().code == errc::not_found)) forget(known);
  if (!removed) return removed;
  std::lock_guard const lock(mutex_);
  dropped_at_[name] = std::chrono::steady_clock::now();
  return removed;
}

bool catalogue::was_dropped_lately(std::string_view name) {
  std::lock_guard const lock(mutex_);
  auto const now = std::chrono::steady_clock::now();
  std::erase_if(dropped_at_, [now](const auto& one) { return now - one.second >= news_travel; });
  return dropped_at_.contains(name);
}

// Topics made here a moment ago that the broker which was asked does not list yet.
std::vector<topic_config> catalogue::not_yet_heard_of(const std::vector<found_topic>& listed) {
  std::lock_guard const lock(mutex_);
  std::vector<topic_config> out;
  for (auto const& [name, topic] : topics_) {
    if (!is_new(*topic) || topic->dropped || !topic->checked || !name.starts_with(options_.prefix)) continue;
    if (std::ranges::none_of(listed, [&](const found_topic& t) { return t.name == name; }))
      out.push_back(topic->config);
  }
  return out;
}

result<std::vector<topic_config>> catalogue::list(const time_limit& limit) {
  std::lock_guard const one_at_a_time(changes_);  // one that is being made is not met yet
  WEIR_TRY(found, brokers_.list(options_.prefix, limit));
  std::vector<topic_config> out;
  std::vector<found_topic> unsure;  // unknown, or described by a broker that may not have heard of the last change
  for (auto const& topic : found) {
    auto const known = met(topic.name);
    std::lock_guard const lock(mutex_);
    if (known && (known->checked || !is_new(*known)))
      out.push_back(known->config);
    else
      unsure.push_back(topic);
  }
  WEIR_TRY_VOID(brokers_.describe(unsure, limit));
  for (auto const& topic : unsure) {
    auto const known = meet(topic);
    auto const now = config_of(topic);
    std::lock_guard const lock(mutex_);
    take_retention(*known, now);
    out.push_back(known->config);
  }
  for (auto& made : not_yet_heard_of(found)) out.push_back(std::move(made));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

}  // namespace weir::kafka
