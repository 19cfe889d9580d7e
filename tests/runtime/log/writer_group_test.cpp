// Parts that share a writer: who is in a transaction together, and what each is told.
#include "runtime/log/writer_group.hpp"

#include <catch2/catch.hpp>
#include <future>
#include <set>
#include <thread>

#include "tests/runtime/log/log_under_test.hpp"

namespace weir::test {
namespace {

log_append entry(std::string_view value) { return {.topic = "t", .value = value}; }

struct shared_log {
  static constexpr std::size_t most_bytes = 100;
  static writer_group_options options() { return {"shared", most_bytes, std::chrono::milliseconds(50)}; }

  shared_log() { done(log.create_topic({.name = "t"})); }

  // Every transaction, as its values; the first waits until `others` commits wait for it.
  void watch(std::size_t others, sim_outcome first = sim_outcome::applied) {
    sim_faults faults;
    faults.on_commit = [this, others, first](std::string_view id, std::span<const log_append> batch) {
      ids.emplace(id);
      strings values;
      for (const auto& a : batch) values.emplace_back(a.value.value_or(""));
      std::ranges::sort(values);
      transactions.push_back(values);
      under_way = true;
      if (transactions.size() > 1) return sim_outcome::applied;
      while (group->waiting() < others) std::this_thread::yield();
      return first;
    };
    log.set_faults(faults);
  }
  std::unique_ptr<log_writer> open(int part) { return value_of(group->open(part)); }
  strings all() { return values(drain(*value_of(log.read("t", 0, 0)))); }

  sim_log log;
  std::shared_ptr<writer_group> group = std::make_shared<writer_group>(log, options());
  std::vector<strings> transactions;
  std::set<std::string> ids;
  std::atomic<bool> under_way = false;  // the first transaction
};

using answer = result<std::vector<std::int64_t>>;

// Commits "first" and, while that is under way, the others, each by a part of its own.
std::vector<answer> commit_during(shared_log& of, const strings& others) {
  std::vector<std::unique_ptr<log_writer>> writers;
  for (std::size_t i = 0; i <= others.size(); ++i) writers.push_back(of.open(static_cast<int>(i)));
  const auto commit = [&](std::size_t i, std::string_view value) {
    return writers[i]->commit(std::vector{entry(value)});
  };
  auto first = std::async(std::launch::async, commit, 0, "first");
  std::vector<std::future<answer>> later;
  for (std::size_t i = 0; i < others.size(); ++i)
    later.push_back(std::async(std::launch::async, [&, i] {
      while (!of.under_way || of.group->waiting() < i) std::this_thread::yield();  // in their order
      return commit(i + 1, others[i]);
    }));
  std::vector<answer> out{first.get()};
  for (auto& one : later) out.push_back(one.get());
  return out;
}

TEST_CASE("what parts commit during a transaction is the next one, and each is told its own offsets", "[log][group]") {
  shared_log of;
  of.watch(3);
  const auto answers = commit_during(of, {"a", "b", "c"});
  CHECK(of.transactions == std::vector<strings>{{"first"}, {"a", "b", "c"}});
  CHECK(of.ids == std::set<std::string>{"shared"});
  const auto stands = of.all();
  const strings sent{"first", "a", "b", "c"};
  for (std::size_t i = 0; i < sent.size(); ++i) {
    REQUIRE(answers[i]);
    REQUIRE(answers[i]->size() == 1);
    CHECK(stands.at(static_cast<std::size_t>((*answers[i])[0])) == sent[i]);
  }
}

TEST_CASE("a transaction of several parts keeps to its limit", "[log][group]") {
  shared_log of;
  of.watch(3);
  const std::string half(shared_log::most_bytes / 2, 'x');
  for (const auto& one : commit_during(of, {half, half, half})) CHECK(one);
  CHECK(of.transactions == std::vector<strings>{{"first"}, {half, half}, {half}});
}

TEST_CASE("what the log refuses is charged to the part that sent it (rule 7)", "[log][group]") {
  shared_log of;
  sim_faults faults;
  faults.on_commit = [&, counted = std::size_t{0}](std::string_view, std::span<const log_append> batch) mutable {
    of.under_way = true;
    if (counted++ == 0)
      while (of.group->waiting() < 2) std::this_thread::yield();
    const auto is_bad = [](const log_append& a) { return a.value == "bad"; };
    return std::ranges::any_of(batch, is_bad) ? sim_outcome::rejected : sim_outcome::applied;
  };
  of.log.set_faults(faults);
  const auto answers = commit_during(of, {"bad", "good"});
  CHECK(answers[0]);
  REQUIRE_FALSE(answers[1]);
  CHECK(answers[1].error().code == errc::rejected);
  CHECK(answers[2]);
  CHECK(of.all() == strings{"first", "good"});
}

TEST_CASE("after an unknown outcome every part opens again, the first of them the log's writer", "[log][group]") {
  const auto outcome = GENERATE(sim_outcome::lost_reply, sim_outcome::fenced);
  shared_log of;
  auto a = of.open(0), b = of.open(1);
  of.watch(0, outcome);
  const auto expected = outcome == sim_outcome::fenced ? errc::fenced : errc::unknown_outcome;
  const auto code = [](const answer& given) { return given ? errc::internal : given.error().code; };
  CHECK(code(a->commit(std::vector{entry("in doubt")})) == expected);
  CHECK(code(b->commit(std::vector{entry("too late")})) == expected);
  a = of.open(0);
  CHECK(a->commit(std::vector{entry("after")}));
  CHECK(code(b->commit(std::vector{entry("too late")})) == expected);
  b = of.open(1);
  CHECK(b->commit(std::vector{entry("after too")}));
  CHECK(of.all().back() == "after too");
  CHECK(std::ranges::count(of.all(), "too late") == 0);
}

TEST_CASE("a part that opens again fences its predecessor and nobody else", "[log][group]") {
  shared_log of;
  const auto old = of.open(0), other = of.open(1);
  const auto now = of.open(0);
  const auto refused = old->commit(std::vector{entry("old")});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::fenced);
  CHECK(now->commit(std::vector{entry("now")}));
  CHECK(other->commit(std::vector{entry("other")}));
  CHECK(of.all() == strings{"now", "other"});
}

TEST_CASE("a group that nobody has open fences whoever has opened its writer since", "[log][group]") {
  shared_log of;
  of.open(0).reset();
  const auto elsewhere = std::make_shared<writer_group>(of.log, shared_log::options());
  const auto there = value_of(elsewhere->open(0));
  CHECK(there->commit(std::vector{entry("there")}));
  const auto here = of.open(0);
  const auto refused = there->commit(std::vector{entry("lost")});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::fenced);
  CHECK(here->commit(std::vector{entry("here")}));
  CHECK(of.all() == strings{"there", "here"});
}

// The simulated log, whose first commit does not come back before `go_on`.
class hanging_log final : public event_log {
 public:
  explicit hanging_log(event_log& under) : under_(under) {}

  status create_topic(const topic_config& config) override { return under_.create_topic(config); }
  status drop_topic(std::string_view name) override { return under_.drop_topic(name); }
  result<std::vector<topic_config>> topics() override { return under_.topics(); }
  result<log_bounds> bounds(std::string_view topic, int partition) override { return under_.bounds(topic, partition); }
  result<std::unique_ptr<log_reader>> read(std::string_view topic, int partition, std::int64_t from) override {
    return under_.read(topic, partition, from);
  }
  result<std::int64_t> begin_of(std::string_view topic, int partition, std::int64_t offset) override {
    return under_.begin_of(topic, partition, offset);
  }
  std::size_t max_entry_bytes() const override { return under_.max_entry_bytes(); }
  result<std::unique_ptr<log_writer>> open_writer(std::string_view id) override {
    return std::make_unique<writer>(*this, value_of(under_.open_writer(id)));
  }

  std::atomic<bool> hangs = false, go_on = false;
  std::chrono::milliseconds rest{0};  // of a writer that was opened

 private:
  struct writer final : log_writer {
    writer(hanging_log& log, std::unique_ptr<log_writer> under)
        : of(log), to(std::move(under)), rests(std::chrono::steady_clock::now() + log.rest) {}
    std::chrono::steady_clock::time_point rests_until() const override { return rests; }
    answer commit(std::span<const log_append> batch) override {
      if (!of.hangs.exchange(true))
        while (!of.go_on) std::this_thread::yield();
      return to->commit(batch);
    }
    hanging_log& of;
    std::unique_ptr<log_writer> to;
    const std::chrono::steady_clock::time_point rests;
  };

  event_log& under_;
};

TEST_CASE("a transaction that hangs holds no part back for longer than the patience", "[log][group]") {
  shared_log of;
  hanging_log log(of.log);
  const auto group = std::make_shared<writer_group>(log, shared_log::options());
  const auto open = [&](int part) { return value_of(group->open(part)); };
  auto a = open(0), b = open(1);
  auto hangs = std::async(std::launch::async, [&] { return a->commit(std::vector{entry("hangs")}); });
  while (!log.hangs) std::this_thread::yield();
  auto waits = std::async(std::launch::async, [&] { return b->commit(std::vector{entry("waits")}); });
  while (group->waiting() < 1) std::this_thread::yield();
  const auto now = open(2);
  CHECK(waits.get().error().code == errc::unknown_outcome);
  CHECK(now->commit(std::vector{entry("now")}));
  log.go_on = true;
  CHECK(hangs.get().error().code == errc::fenced);
  CHECK(of.all() == strings{"now"});
}

TEST_CASE("what comes while the log rests from the last commit goes into the next one", "[log][group]") {
  shared_log of;
  of.watch(0);
  hanging_log log(of.log);
  log.hangs = true;  // the first commit does not
  log.rest = std::chrono::seconds(2);
  const auto group = std::make_shared<writer_group>(log, shared_log::options());
  const auto a = value_of(group->open(0)), b = value_of(group->open(1));
  auto first = std::async(std::launch::async, [&] { return a->commit(std::vector{entry("a")}); });
  while (group->waiting() < 1) std::this_thread::yield();
  CHECK(b->commit(std::vector{entry("b")}));
  CHECK(first.get());
  CHECK(of.transactions == std::vector<strings>{{"a", "b"}});
}

}  // namespace
}  // namespace weir::test
