// An event_log of one topic in memory whose next commits and reads can be told to fail in a given way, and which
// compacts when told: what the control log's tests need to stand at one exact point.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "runtime/log/log.hpp"

namespace weir {

class memory_log : public event_log {
 public:
  enum class fault { none, reply_lost, request_lost, rejected };

  std::deque<fault> next_commits;   // how the next commits go
  int good_fetches = -1;            // the fetch after so many fails, once; -1: none
  bool failing_opens = false;       // open_writer fails
  std::size_t fetch_entries = 1;    // entries a fetch answers at most: transactions are always seen in parts
  std::function<void()> meanwhile;  // called before a lost request is told
  std::vector<log_entry> entries;
  std::int64_t end = 0;
  int owner = 0;

  status create_topic(const topic_config& config) override {
    made_.push_back(config);
    return {};
  }
  status drop_topic(std::string_view) override { return fail(errc::unsupported, "not in this test"); }
  result<std::vector<topic_config>> topics() override { return made_; }
  result<log_bounds> bounds(std::string_view, int) override { return log_bounds{0, end}; }
  result<std::int64_t> begin_of(std::string_view, int, std::int64_t offset) override { return offset; }
  std::size_t max_entry_bytes() const override { return 1 << 20; }

  result<std::unique_ptr<log_reader>> read(std::string_view, int, std::int64_t from) override {
    return std::make_unique<reader>(*this, from);
  }
  result<std::unique_ptr<log_writer>> open_writer(std::string_view) override {
    if (failing_opens) return fail(errc::unavailable, "no log");
    return std::make_unique<writer>(*this, ++owner);
  }

  // Keeps the latest entry per key, and no tombstones.
  void compact() {
    std::map<std::string, log_entry> latest;
    for (const log_entry& e : entries) latest[e.key] = e;
    std::erase_if(entries, [&](const log_entry& e) { return latest[e.key].offset != e.offset || !e.value; });
  }

 private:
  class reader : public log_reader {
   public:
    reader(memory_log& log, std::int64_t from) : log_(log), position_(from) {}
    result<std::vector<log_entry>> fetch(std::size_t) override {
      if (log_.good_fetches >= 0 && log_.good_fetches-- == 0) return fail(errc::io_error, "no answer");
      std::vector<log_entry> out;
      for (const log_entry& e : log_.entries) {
        if (e.offset >= position_ && out.size() < log_.fetch_entries) out.push_back(e);
      }
      if (!out.empty()) position_ = out.back().offset + 1;
      return out;
    }
    std::int64_t position() const override { return position_; }

   private:
    memory_log& log_;
    std::int64_t position_;
  };

  class writer : public log_writer {
   public:
    writer(memory_log& log, int owner) : log_(log), owner_(owner) {}
    result<std::vector<std::int64_t>> commit(std::span<const log_append> batch) override {
      if (owner_ != log_.owner) return fail(errc::fenced, "fenced");
      const fault how = log_.next_commits.empty() ? fault::none : log_.next_commits.front();
      if (!log_.next_commits.empty()) log_.next_commits.pop_front();
      if (how == fault::rejected) return fail(errc::rejected, "too large");
      if (how == fault::request_lost) {
        if (log_.meanwhile) log_.meanwhile();
        return fail(errc::unknown_outcome, "timeout");
      }
      std::vector<std::int64_t> offsets;
      for (const log_append& a : batch) {
        std::optional<std::string> value;
        if (a.value) value.emplace(*a.value);
        log_.entries.push_back({log_.end, std::string(a.key), value, std::string(a.header), a.timestamp_us});
        offsets.push_back(log_.end++);
      }
      ++log_.end;  // a transaction's marker
      if (how == fault::reply_lost) return fail(errc::unknown_outcome, "timeout");
      return offsets;
    }

   private:
    memory_log& log_;
    int owner_;
  };

  std::vector<topic_config> made_;
};

}  // namespace weir
