// What ingest stamps records with: numbers, sequences, event times, lateness, clocks; and that it goes on the same
// after its state was taken back.
#include <charconv>

#include "actors/shard/ingest.hpp"
#include "runtime/time/timestamp.hpp"
#include "state/state_key.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/pipelines.hpp"

namespace weir::fuzz {

namespace {

constexpr std::string_view streams[] = {"times", "numbers", "arrivals"};
constexpr std::string_view sources[] = {"north", "south"};

// Ingest of one shard with two sources of one stream, and what must be true of what it writes.
class watched_ingest {
 public:
  watched_ingest(std::string_view stream, std::size_t entry_bytes)
      : stream_(stream), entry_bytes_(entry_bytes), plan_(timed(stream)), made_(fresh()) {
    in_memory_ = made_->apply(plan_, 1, now_us_);
  }

  void speak(std::string_view source, std::string_view records, bool ends) {
    source_chunk chunk;
    for (input in(records); !in.empty();) {
      const auto end = std::min(in.rest().find('|'), in.rest().size());
      chunk.records.append(in.rest().substr(0, end));
      in = input(in.rest().substr(std::min(end + 1, in.rest().size())));
    }
    chunk.ended = ends;
    offered_ += chunk.records.size();
    const auto* known = made_->find_source(source);
    require(known != nullptr, "a source of the plan is not known");
    const auto taken = made_->accept(source, known->incarnation, std::move(chunk), now_us_);
    require(taken.has_value(), "a chunk is refused: {}", taken ? std::string() : taken.error().text());
    for (const auto& batch : *taken) in_memory_.push_back(batch);
  }
  void pass_time(std::int64_t us) {
    now_us_ += us;
    for (const auto& batch : made_->mark_idle(now_us_)) in_memory_.push_back(batch);
    const auto next = made_->next_idle_us();
    require(!next || *next > now_us_, "a source is idle and not marked");
  }
  void advise(bool flush, std::int64_t time_us) {
    for (const auto& batch : made_->advise(stream_, {0, flush, time_us}, now_us_)) in_memory_.push_back(batch);
  }
  // Ends the epoch: what it appends is what was handed on in memory, and follows on what was there.
  void cut() {
    const auto done = made_->cut();
    std::size_t batch = 0;
    for (const auto& a : done.appends) {
      if (a.topic != "weir.stream." + stream_) {
        ++dead_;
        continue;
      }
      const auto entry = decode_entry(*a.value);
      require(entry.has_value() && batch < in_memory_.size(), "an entry of ingest's own is refused or new");
      check_entry(*entry, a.header);
      check_batch(*entry, *in_memory_[batch++]);
    }
    require(batch == in_memory_.size(), "{} of {} batches are in the log", batch, in_memory_.size());
    require(rows_ + dead_ == offered_, "{} records became {} rows and {} letters", offered_, rows_, dead_);
    in_memory_.clear();
    for (const auto& c : done.changes) state_[c.key] = c.value.value_or("");
  }
  // A new life, from what the last cut left.
  void restart() {
    cut();
    auto next = fresh();
    const auto prefix = state_prefix(ingest_pipeline, 0).size();
    for (const auto& [key, value] : state_)
      require(next->restore(std::string_view(key).substr(prefix), value).has_value(), "ingest's own state is refused");
    for (const auto& batch : next->apply(plan_, 1, now_us_)) in_memory_.push_back(batch);
    require(in_memory_.empty(), "a start with the same sources marks something");
    for (const auto& [name, before] : made_->sources()) {
      const auto* after = next->find_source(name);
      require(after != nullptr && after->next_sequence == before.next_sequence && after->own == before.own &&
                  after->floor_us == before.floor_us && after->max_event_us == before.max_event_us &&
                  after->life == before.life && after->late == before.late && after->accepted == before.accepted,
              "source {} comes back as another", name);
    }
    const auto before = made_->clock_of(stream_), after = next->clock_of(stream_);
    require(before == after, "the stream's clock comes back as another");
    made_ = std::move(next);
  }

 private:
  std::unique_ptr<ingest> fresh() const { return std::make_unique<ingest>("weir", 0, entry_bytes_, ingest_limits{}); }

  void check_entry(const stream_entry& entry, std::string_view header) {
    require(entry.first_number == next_number_, "number {} follows {}", entry.first_number, next_number_);
    const auto numbers = decode_entry_header(header);
    require(numbers && numbers->first == entry.first_number && numbers->next == entry.next_number(),
            "a header has other numbers than its entry");
    next_number_ = entry.next_number();
    require(
        entry.stream_clock.watermark_us >= clock_.watermark_us && entry.stream_clock.flushed_us >= clock_.flushed_us,
        "the stream's clock goes back");
    clock_ = entry.stream_clock;
    const auto lateness = plan_.names.streams.at(stream_).lateness_us;
    auto& source = clocks_[entry.source];
    for (std::size_t i = 0; i < entry.records.size(); ++i) {
      const auto t = entry.event_time_us[i];
      require(t >= timestamp_min_us && t <= timestamp_max_us, "an event time that no text can say: {}", t);
      require(entry.sequence[i] >= source.next_sequence, "sequence {} stands behind {}", entry.sequence[i],
              source.next_sequence);
      source.next_sequence = entry.sequence[i] + 1;
      const bool behind = t < source.watermark_us;
      require(((entry.late[i] & late_for_source) != 0) == behind, "record {} is late for its source or is not", i);
      require(!behind || (entry.late[i] & late_for_stream) != 0, "late for its source and not for the stream");
      source.watermark_us = std::max(source.watermark_us, t - lateness);
    }
    rows_ += entry.records.size();
    // A source that says no more has seen its last record's time pass.
    for (const auto& m : entry.marks) {
      const bool closes = m.kind == mark_kind::idle || m.kind == mark_kind::ended || m.kind == mark_kind::removed;
      if (closes && m.time_us != no_watermark)
        clocks_[m.source].watermark_us = std::max(clocks_[m.source].watermark_us, m.time_us + 1);
    }
    for (const auto& [name, own] : entry.source_clocks)
      require(own.watermark_us == clocks_[name].watermark_us, "source {} has a clock that its records do not give",
              name);
  }
  static void check_batch(const stream_entry& entry, const ingested_batch& batch) {
    require(batch.first_number == entry.first_number && batch.next_number == entry.next_number(),
            "a batch in memory has other numbers than its entry");
    require(batch.rows.event_time_us == entry.event_time_us && batch.rows.late == entry.late &&
                batch.rows.sequence == entry.sequence && batch.rows.size() == entry.records.size(),
            "a batch in memory has other stamps than its entry");
    require(batch.progress.stream == entry.stream_clock, "a batch in memory has another clock than its entry");
  }

  struct source_clock {
    std::uint64_t next_sequence = 0;
    std::int64_t watermark_us = no_watermark;
  };
  std::string stream_;
  std::size_t entry_bytes_;
  const control_plan& plan_;
  std::int64_t now_us_ = 1'700'000'000 * us_per_s;
  std::unique_ptr<ingest> made_;
  std::vector<ingested_ptr> in_memory_;
  std::map<std::string, std::string> state_;
  std::map<std::string, source_clock> clocks_;
  clock_state clock_;
  std::uint64_t next_number_ = 0, offered_ = 0, rows_ = 0, dead_ = 0;
};

std::int64_t number_in(std::string_view text) {
  std::int64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

}  // namespace

// Which stream and how much an entry holds in the first line, then what happens, a line each: n or s and records
// between
// '|' (a source speaks; N, S: for the last time), t and milliseconds (time passes), a or f and a time (what the other
// shards say), c (a cut), r (a restart).
void run_stamps(std::string_view bytes) {
  input in(bytes);
  input options(in.line());
  const auto stream = streams[options.choice(std::size(streams))];
  watched_ingest watched(stream, 1 + options.choice(64) * 16);
  for (int lines = 0; lines < 64 && !in.empty(); ++lines) {
    const auto line = in.line();
    const auto rest = line.substr(std::min<std::size_t>(1, line.size()));
    switch (line.empty() ? 'c' : line.front()) {
      case 'n': watched.speak(sources[0], rest, false); break;
      case 's': watched.speak(sources[1], rest, false); break;
      case 'N': watched.speak(sources[0], rest, true); break;
      case 'S': watched.speak(sources[1], rest, true); break;
      case 't': watched.pass_time(number_in(rest) % 1'000'000 * us_per_ms); break;
      case 'a': watched.advise(false, parse_timestamp(rest).value_or(0)); break;
      case 'f': watched.advise(true, parse_timestamp(rest).value_or(0)); break;
      case 'r': watched.restart(); break;
      default: watched.cut(); break;
    }
  }
  watched.restart();
}

}  // namespace weir::fuzz
