#include "runtime/log/kafka_writer.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "runtime/log/kafka_record.hpp"
#include "runtime/log/log_checks.hpp"

namespace weir::kafka {

namespace {

// A dead owner's open transaction is aborted at once, but the library asks again only after a fixed 500 ms. So a first
// producer of the id asks and is thrown away when it got no answer, and a second one finds the id free. Measured: 30 ms
// are enough for one, 100 for sixteen at a time; too short a wait costs the 500 ms and nothing else.
constexpr int first_try_ms = 30, first_try_among_many_ms = 100;
constexpr std::size_t max_entries = 10'000'000;  // of one transaction
constexpr int queue_full_wait_ms = 10;
constexpr std::chrono::milliseconds news_pause{20};  // until brokers have heard of a new topic
// After a commit the brokers still write its markers; a transaction of the same id that begins meanwhile is put off,
// and the library asks again only after a fixed 20 ms.
constexpr std::chrono::milliseconds markers_rest{4};
constexpr std::chrono::milliseconds longest_socket_timeout{3'000};
static_assert(sizeof(void*) == sizeof(std::uint64_t), "a message's tag is a pointer");
// Of a commit's time: what the entries may take to arrive, so that some is left for the end.
constexpr int delivery_part = 3, delivery_of = 4;

std::size_t entry_bytes(const log_append& entry) {
  return entry.key.size() + entry.header.size() + (entry.value ? entry.value->size() : 0);
}

// Nothing that would help by itself: the brokers refuse this entry.
bool is_refusal(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION: return true;
    default: return code_of(code) == errc::permission_denied;
  }
}

// Some broker has no such topic or partition: it is gone, or so new that this one has not heard of it.
bool is_unheard_of(rd_kafka_resp_err_t code) { return code_of(code) == errc::not_found; }

// Taken back with the transaction that it was in, for a reason that is not its own.
bool is_purge(rd_kafka_resp_err_t code) {
  return code == RD_KAFKA_RESP_ERR__PURGE_QUEUE || code == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
}

struct opening {
  explicit opening(std::atomic<int>& count) : count_(count), others(count.fetch_add(1)) {}
  ~opening() { --count_; }
  std::atomic<int>& count_;
  int others;
};

}  // namespace

result<std::unique_ptr<log_writer>> writer::open(std::shared_ptr<cluster> brokers, std::string id) {
  std::unique_ptr<writer> made(new writer(std::move(brokers), std::move(id)));
  WEIR_TRY_VOID(made->fence(made->brokers_->limit()));
  return std::unique_ptr<log_writer>(std::move(made));
}

result<std::unique_ptr<client>> writer::connect(const time_limit& limit) {
  auto const& options = brokers_->options;
  auto const socket_timeout = std::min(longest_socket_timeout, options.transaction_timeout);
  auto const queue_kb = options.max_commit_bytes / 1024 * 2;
  WEIR_TRY(made, client::open(RD_KAFKA_PRODUCER, options,
                              {{"transactional.id", id_},
                               {"transaction.timeout.ms", std::to_string(options.transaction_timeout.count())},
                               {"socket.timeout.ms", std::to_string(socket_timeout.count())},  // at most the one above
                               {"linger.ms", "0"},
                               {"message.max.bytes", std::to_string(options.max_entry_bytes + entry_overhead)},
                               {"queue.buffering.max.messages", std::to_string(max_entries)},
                               {"queue.buffering.max.kbytes", std::to_string(queue_kb)}},
                              this));
  // So that the first try's time is not spent on connecting.
  const rd_kafka_metadata_t* raw = nullptr;
  auto const code = rd_kafka_metadata(made->get(), 0, nullptr, &raw, std::max(1, limit.left_ms()));
  metadata_ptr const metadata(raw);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return fail(made->failed("opening writer " + id_, code));
  return made;
}

status writer::fence(const time_limit& limit) {
  opening const mine(brokers_->opening);
  int const first = mine.others > 0 ? first_try_among_many_ms : first_try_ms;
  for (bool again = false;; again = true) {
    if (!client_) {
      WEIR_TRY(made, connect(limit));
      client_ = std::move(made);
    }
    auto const wait = again ? std::max(1, limit.left_ms()) : limit.left_ms(first);
    error_ptr const problem(rd_kafka_init_transactions(client_->get(), wait));
    if (!problem) return {};
    auto const code = rd_kafka_error_code(problem.get());
    auto why = client_->failed("opening writer " + id_, code, rd_kafka_error_string(problem.get()));
    bool const passing = rd_kafka_error_is_retriable(problem.get()) != 0 || is_passing(code);
    if (!passing || limit.over()) return fail(std::move(why));
    if (!again) client_.reset();
  }
}

result<std::vector<std::int64_t>> writer::commit(std::span<const log_append> batch) {
  if (dead_) return fail(*dead_);
  if (batch.empty()) return std::vector<std::int64_t>{};
  std::this_thread::sleep_until(rests_until_);
  auto const limit = brokers_->limit();
  WEIR_TRY_VOID(prepare(batch, limit));
  auto sent = deliver(batch, limit);
  // Nothing of what failed stands: the same may be sent again.
  for (bool mended = false; !sent && !dead_ && sent.error().code == errc::unavailable && !limit.over();) {
    if (is_unheard_of(failure_.code)) {
      refused_before_ = true;
      mended = false;
      std::this_thread::sleep_for(news_pause);
    } else if (std::exchange(mended, true) || (!is_purge(failure_.code) && !std::exchange(refused_before_, false))) {
      // Only the abort of what was wrong with the producer itself mends anything, and it does so once. After a refusal
      // the library (2.0.2) lets the next transaction on that partition fail with skipped numbers; and an id that was
      // idle for so long that the brokers have forgotten it (transactional.id.expiration.ms) gets a new one.
      break;
    }
    sent = deliver(batch, limit);
  }
  if (!sent) {
    refused_before_ |= sent.error().code == errc::rejected;
    return fail(std::move(sent).error());
  }
  WEIR_TRY_VOID(end(limit));
  return std::move(offsets_);
}

status writer::deliver(std::span<const log_append> batch, const time_limit& limit) {
  error_ptr const problem(rd_kafka_begin_transaction(client_->get()));
  if (problem) {
    auto why = client_->failed("beginning a transaction of " + id_, rd_kafka_error_code(problem.get()));
    why.code = errc::unknown_outcome;
    return die(fatal().value_or(std::move(why)));
  }
  auto sent = produce(batch, limit);
  if (sent) sent = flush(batch, limit);
  if (sent) return {};
  auto gone = missing_topic(batch, limit);
  return give_up(gone ? std::move(*gone) : std::move(sent).error(), limit);
}

status writer::prepare(std::span<const log_append> batch, const time_limit& limit) {
  std::size_t bytes = 0;
  for (auto const& entry : batch) bytes += entry_bytes(entry);
  if (auto const most = brokers_->options.max_commit_bytes; bytes > most)
    return fail(errc::rejected, "a commit of {} bytes is over the log's limit of {}", bytes, most);
  if (batch.size() > max_entries)
    return fail(errc::rejected, "a commit of {} entries is over the log's limit of {}", batch.size(), max_entries);
  targets_.clear();
  std::erase_if(topics_, [](const auto& known) { return known.second.of->dropped.load(); });
  topic_ref last;
  for (auto const& entry : batch) {
    if (!last || last->config.name != entry.topic) {
      WEIR_TRY(target, topic_of(entry, limit));
      targets_.push_back(target);
      last = topics_.find(entry.topic)->second.of;
    } else {
      targets_.push_back(targets_.back());
    }
    WEIR_TRY_VOID(check_append(entry, last->config, brokers_->options.max_entry_bytes));
  }
  return {};
}

// Topics are met before the transaction begins: one that is new to a producer stops it for up to a second.
result<rd_kafka_topic_t*> writer::topic_of(const log_append& entry, const time_limit& limit) {
  auto const known = topics_.find(entry.topic);
  if (known != topics_.end() && known->second.of->dropped) return fail(unknown_topic(entry.topic));
  if (known != topics_.end()) return known->second.topic.get();
  auto const found = brokers_->topics.find(entry.topic, limit);
  // Nothing was sent, so nothing stands.
  if (!found) return fail(errc::unavailable, "{}", found.error().text());
  if (!*found) return fail(unknown_topic(entry.topic));
  auto topic = ask_until_known(*brokers_, *found, limit, [&] { return client_->topic((*found)->config.name, limit); });
  if (!topic && topic.error().code == errc::not_found) return fail(unknown_topic(entry.topic));
  if (!topic) {
    bool const refused = topic.error().code == errc::permission_denied;
    return fail(refused ? errc::rejected : errc::unavailable, "{}", topic.error().text());
  }
  auto& added = topics_[std::string(entry.topic)];
  added = {*found, std::move(*topic)};
  return added.topic.get();
}

status writer::produce(std::span<const log_append> batch, const time_limit& limit) {
  offsets_.assign(batch.size(), -1);
  failure_ = {};
  undelivered_ = 0;
  ++transaction_;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    auto const& entry = batch[i];
    auto headers = headers_of(entry);
    rd_kafka_vu_t parts[7] = {};
    parts[0].vtype = RD_KAFKA_VTYPE_RKT;
    parts[0].u.rkt = targets_[i];
    parts[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    parts[1].u.i32 = entry.partition;
    parts[2].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    parts[2].u.i = RD_KAFKA_MSG_F_COPY;
    parts[3].vtype = RD_KAFKA_VTYPE_KEY;
    if (!entry.key.empty()) parts[3].u.mem = {const_cast<char*>(entry.key.data()), entry.key.size()};
    parts[4].vtype = RD_KAFKA_VTYPE_VALUE;  // no pointer: a tombstone; a pointer without bytes: an empty value
    if (entry.value)
      parts[4].u.mem = {const_cast<char*>(entry.value->empty() ? "" : entry.value->data()), entry.value->size()};
    parts[5].vtype = RD_KAFKA_VTYPE_HEADERS;
    parts[5].u.headers = headers.get();
    parts[6].vtype = RD_KAFKA_VTYPE_OPAQUE;
    parts[6].u.ptr = reinterpret_cast<void*>(std::uint64_t{transaction_} << 32 | i);
    for (;;) {
      error_ptr const problem(rd_kafka_produceva(client_->get(), parts, std::size(parts)));
      if (!problem) {
        static_cast<void>(headers.release());  // the message's now
        break;
      }
      auto const code = rd_kafka_error_code(problem.get());
      if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL && !limit.over()) {
        rd_kafka_poll(client_->get(), queue_full_wait_ms);
        continue;
      }
      failure_ = {code, i};
      return fail(is_refusal(code) ? errc::rejected : errc::unavailable, "topic {}, partition {}: {}", entry.topic,
                  entry.partition, text_of(code));
    }
    ++undelivered_;
  }
  return {};
}

void writer::delivered(const rd_kafka_message_t& message) {
  auto const tag = reinterpret_cast<std::uint64_t>(message._private);
  if (tag >> 32 != transaction_) return;
  auto const entry = static_cast<std::uint32_t>(tag);
  --undelivered_;
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    offsets_[entry] = message.offset;
    return;
  }
  // What is purged behind the first failure says nothing of its own.
  bool const first = failure_.code == RD_KAFKA_RESP_ERR_NO_ERROR;
  if (first || (!is_purge(message.err) && !is_refusal(failure_.code))) failure_ = {message.err, entry};
}

status writer::flush(std::span<const log_append> batch, const time_limit& limit) {
  auto const most = static_cast<int>(brokers_->options.timeout.count()) * delivery_part / delivery_of;
  auto const code = rd_kafka_flush(client_->get(), limit.left_ms(most));
  if (failure_.code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    auto const& entry = batch[failure_.entry];
    auto why = client_->failed(fmt::format("writing to {}[{}]", entry.topic, entry.partition), failure_.code);
    why.code = is_refusal(failure_.code) ? errc::rejected : errc::unavailable;
    return fail(std::move(why));
  }
  if (undelivered_ == 0) return {};
  auto why =
      client_->failed(fmt::format("writing {} entries, {} of them without an answer", batch.size(), undelivered_),
                      code == RD_KAFKA_RESP_ERR_NO_ERROR ? RD_KAFKA_RESP_ERR__TIMED_OUT : code);
  why.code = errc::unavailable;
  return fail(std::move(why));
}

std::optional<error> writer::missing_topic(std::span<const log_append> batch, const time_limit& limit) {
  std::string_view last;
  for (auto const& entry : batch) {
    if (entry.topic == last) continue;
    last = entry.topic;
    auto const& topic = topics_.find(entry.topic)->second.of;
    if (brokers_->topics.is_gone(topic, limit)) return unknown_topic(entry.topic);
  }
  return std::nullopt;
}

std::optional<error> writer::fatal() const {
  char why[512];
  auto const code = rd_kafka_fatal_error(client_->get(), why, sizeof why);
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  if (code_of(code) == errc::fenced) {
    return error{
        errc::fenced,
        fmt::format("writer {} was opened again by another owner, or its transaction ran out of time: {}", id_, why),
        {}};
  }
  return error{errc::unknown_outcome, fmt::format("writer {}: {}: {}", id_, text_of(code), why),
               "open the writer again"};
}

tl::unexpected<error> writer::give_up(error why, const time_limit& limit) {
  for (;;) {
    if (auto end = fatal()) return die(std::move(*end));
    error_ptr const problem(rd_kafka_abort_transaction(client_->get(), std::max(1, limit.left_ms())));
    if (!problem) return fail(std::move(why));
    if (rd_kafka_error_is_retriable(problem.get()) != 0 && !limit.over()) continue;
    if (auto end = fatal()) return die(std::move(*end));
    why.message += fmt::format("; its transaction could not be aborted: {}", rd_kafka_error_string(problem.get()));
    why.code = errc::unknown_outcome;
    return die(std::move(why));
  }
}

status writer::end(const time_limit& limit) {
  for (;;) {
    error_ptr const problem(rd_kafka_commit_transaction(client_->get(), std::max(1, limit.left_ms())));
    if (!problem) {
      rests_until_ = std::chrono::steady_clock::now() + markers_rest;
      return {};
    }
    if (rd_kafka_error_is_retriable(problem.get()) != 0 && !limit.over()) continue;
    // Also when it was fenced: a first request may have been served and its answer lost.
    auto why = client_->failed("committing a transaction of " + id_, rd_kafka_error_code(problem.get()),
                               rd_kafka_error_string(problem.get()));
    why.code = errc::unknown_outcome;
    why.hint = "open the writer again and read what stands";
    return die(std::move(why));
  }
}

tl::unexpected<error> writer::die(error why) {
  dead_ = error{errc::fenced, fmt::format("writer {} is dead: {}", id_, why.message), "open the writer again"};
  topics_.clear();
  client_.reset();
  return fail(std::move(why));
}

}  // namespace weir::kafka
