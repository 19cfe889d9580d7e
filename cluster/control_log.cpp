#include "cluster/control_log.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "cluster/topic_names.hpp"
#include "runtime/fault/protocol_rules.hpp"

namespace weir {
namespace {

constexpr std::size_t fetch_bytes = std::size_t{1} << 20;
constexpr int commit_tries = 3;
constexpr int read_tries = 100;  // a log may answer late, or show a commit some fetches later
constexpr int tries_at_once = 10;
constexpr std::chrono::milliseconds between_tries{20};  // Kafka shows a commit when its markers are written

// Marks the entries of one transaction: the offset that the state had when it was made, and the entry's place in it.
std::string header_of(std::int64_t base, std::size_t index) { return fmt::format("{}/{}", base, index); }

// Whether the entries are, in their order, exactly these records with their marks.
bool stands(const std::vector<log_entry>& entries, const std::vector<control_record>& records, std::int64_t base) {
  if (entries.size() < records.size()) return false;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const log_entry& e = entries[i];
    if (e.key != records[i].key || e.value != records[i].value || e.header != header_of(base, i)) return false;
  }
  return true;
}

}  // namespace

result<std::unique_ptr<control_log>> control_log::open(event_log& log, std::string app) {
  std::unique_ptr<control_log> out(new control_log(log, std::move(app)));
  const topic_config topic{topic::control(out->app_), 1, topic_kind::compacted, 0, 0};
  WEIR_TRY_VOID(log.create_topic(topic));
  WEIR_TRY(writer, log.open_writer(topic::control_writer(out->app_)));
  out->writer_ = std::move(writer);
  WEIR_TRY(bounds, log.bounds(topic.name, 0));
  WEIR_TRY(changed, out->read_to_end());
  // Compaction may have taken the last entries (tombstones): the state is as of the end all the same.
  if (bounds.end - 1 > out->folded_.offset) out->folded_.offset = bounds.end - 1;
  if (changed || !out->plan_) WEIR_TRY_VOID(out->publish());
  return out;
}

status control_log::fold(const std::vector<log_entry>& entries) {
  for (const log_entry& entry : entries) WEIR_TRY_VOID(fold_control(folded_, entry));
  if (recording_) since_.insert(since_.end(), entries.begin(), entries.end());
  return {};
}

// Reads until nothing more is there, so that no transaction is left half read. A reader that failed is made anew.
result<bool> control_log::read_to_end() {
  bool any = false;
  if (!reader_) {
    WEIR_TRY(reader, log_.read(topic::control(app_), 0, folded_.offset + 1));
    reader_ = std::move(reader);
  }
  while (true) {
    const auto entries = reader_->fetch(fetch_bytes);
    const status done = entries ? fold(*entries) : status(fail(entries.error()));
    if (!done) {
      reader_.reset();
      return fail(done.error());
    }
    if (entries->empty()) return any;
    any = true;
  }
}

status control_log::publish() {
  WEIR_TRY(plan, plan_control(folded_));
  plan_ = std::move(plan);
  return {};
}

result<bool> control_log::read_patiently() {
  auto read = read_to_end();
  for (int tries = 1; !read && read.error().code != errc::corrupt && tries < read_tries; ++tries) read = read_to_end();
  return read;
}

// After a commit that stands.
status control_log::fold_up_to(std::int64_t offset) {
  error why{errc::timeout, "it does not show", {}};
  for (int tries = 0; tries < read_tries; ++tries) {
    const auto polled = poll();
    if (polled && plan_->state.offset >= offset) return {};
    if (!polled) why = polled.error();
    if (tries >= tries_at_once) std::this_thread::sleep_for(between_tries);
  }
  return fail(errc::unknown_outcome, "the command stands at offset {} of the control log but could not be read: {}",
              offset, why.text());
}

result<bool> control_log::poll() {
  WEIR_TRY_VOID(read_to_end());
  if (plan_->state.offset == folded_.offset) return false;
  WEIR_TRY_VOID(publish());
  return true;
}

result<std::int64_t> control_log::commit(const std::vector<control_record>& records) {
  const std::string topic = topic::control(app_);
  std::vector<std::string> headers;
  for (std::size_t i = 0; i < records.size(); ++i) headers.push_back(header_of(folded_.offset, i));
  std::vector<log_append> batch;
  for (std::size_t i = 0; i < records.size(); ++i) {
    log_append& a = batch.emplace_back();
    a.topic = topic;
    a.key = records[i].key;
    if (records[i].value) a.value = *records[i].value;
    a.header = headers[i];
  }
  auto offsets = writer_->commit(batch);
  if (!offsets) return fail(std::move(offsets).error());
  return offsets->back();
}

// After an unknown outcome: opening the writer again ends the transaction one way or the other; reading to the end then
// shows which (PROTOCOL 8).
result<std::int64_t> control_log::resolve(const std::vector<control_record>& records) {
  const std::int64_t base = folded_.offset;
  since_.clear();
  recording_ = true;
  writer_.reset();
  auto writer = log_.open_writer(topic::control_writer(app_));
  const auto read = writer ? read_patiently() : result<bool>(fail(writer.error()));
  recording_ = false;
  const std::vector<log_entry> entries = std::exchange(since_, {});
  if (writer) writer_ = std::move(*writer);
  if (!read) {
    return fail(errc::unknown_outcome, "whether the control log took the command is not known: {}",
                read.error().text());
  }
  if (stands(entries, records, base)) return entries[records.size() - 1].offset;
  return fail(errc::unavailable, "the control log did not take the command; try again");
}

result<std::int64_t> control_log::append(const std::vector<control_record>& records) {
  if (records.empty()) return plan_->state.offset;
  if (!writer_) {
    WEIR_TRY(writer, log_.open_writer(topic::control_writer(app_)));
    writer_ = std::move(writer);
  }
  WEIR_TRY(stale, poll());
  if (stale) return fail(errc::unavailable, "others wrote to the control log meanwhile; try again");
  for (int tries = 1;; ++tries) {
    const std::int64_t base = folded_.offset;
    auto last = commit(records);
    if (!last && last.error().code == errc::unknown_outcome && rule_on(8)) {
      last = resolve(records);
      const bool nothing_happened = !last && last.error().code == errc::unavailable && folded_.offset == base;
      if (nothing_happened && tries < commit_tries) continue;
    }
    if (!last && last.error().code == errc::fenced) {
      writer_.reset();
      return fail(errc::unavailable, "another node has written to the control log meanwhile; try again");
    }
    if (!last) return last;
    WEIR_TRY_VOID(fold_up_to(*last));
    return last;
  }
}

}  // namespace weir
