// External topics in memory, that a test writes, cuts and deletes.
#pragma once

#include <map>

#include "runtime/log/kafka_external.hpp"
#include "tests/actors/source/source_fixture.hpp"

namespace weir::source_test {

struct scripted_record {
  std::optional<std::string> key, value;
  std::int64_t timestamp_us = 1'700'000'000'000'000;
};

struct scripted_partition {
  std::int64_t start = 0, end = 0;
  std::map<std::int64_t, scripted_record> records;

  void put(scripted_record record) { records.emplace(end++, std::move(record)); }
  void put(std::string value) { put({std::nullopt, std::move(value)}); }
  void put_marker() { ++end; }
  void trim(std::int64_t to) {
    start = to;
    end = std::max(end, to);
    records.erase(records.begin(), records.lower_bound(to));
  }
};

struct scripted_topics final : external_topics {
  std::map<std::string, std::vector<scripted_partition>> topics;
  std::string down;  // why the brokers do not answer; empty: they do
  int readers = 0;   // made so far

  result<int> partitions(const std::string& topic) override {
    if (!down.empty()) return fail(errc::unavailable, "{}", down);
    const auto it = topics.find(topic);
    if (it == topics.end()) return fail(errc::not_found, "no topic {}", topic);
    return static_cast<int>(it->second.size());
  }
  result<log_bounds> bounds(const std::string& topic, int partition) override {
    WEIR_TRY(count, partitions(topic));
    if (partition >= count) return fail(errc::not_found, "topic {} has no partition {}", topic, partition);
    const auto& p = topics[topic].at(static_cast<std::size_t>(partition));
    return log_bounds{p.start, p.end};
  }
  result<std::vector<std::int64_t>> offsets(const std::string& topic, int count,
                                            std::optional<std::int64_t> since_ms) override {
    std::vector<std::int64_t> out;
    for (int i = 0; i < count; ++i) {
      const auto& p = topics[topic].at(static_cast<std::size_t>(i));
      auto at = p.end;
      if (since_ms)
        for (const auto& [offset, record] : p.records)
          if (record.timestamp_us >= *since_ms * 1'000) at = std::min(at, offset);
      out.push_back(at);
    }
    return out;
  }
  result<std::unique_ptr<external_reader>> read(const std::string& topic, int partition, std::int64_t from,
                                                std::function<void()>) override {
    ++readers;
    return std::make_unique<reader>(*this, topic, partition, from);
  }

 private:
  struct reader final : external_reader {
    scripted_topics& all;
    std::string topic;
    std::size_t partition;
    std::int64_t next;
    bool end = false;

    reader(scripted_topics& from_all, std::string name, int p, std::int64_t from)
        : all(from_all), topic(std::move(name)), partition(static_cast<std::size_t>(p)), next(from) {}
    status poll(const std::function<bool(const external_record&)>& take) override {
      const auto it = all.topics.find(topic);
      if (it == all.topics.end()) return fail(errc::not_found, "no topic {}", topic);
      const auto& p = it->second.at(partition);
      if (next < p.start || next > p.end) return fail(errc::offset_out_of_range, "offset {} is out of range", next);
      for (auto at = p.records.lower_bound(next); at != p.records.end(); ++at) {
        const auto& r = at->second;
        external_record seen{at->first, r.timestamp_us, {}, {}};
        if (r.key) seen.key = *r.key;
        if (r.value) seen.value = *r.value;
        next = at->first + 1;
        end = false;
        if (!take(seen)) return {};
      }
      next = p.end;
      end = true;
      return {};
    }
    std::int64_t position() const override { return next; }
    bool at_end() const override { return end; }
  };
};

}  // namespace weir::source_test
