#include "cluster/control_log.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "runtime/fault/protocol_rules.hpp"
#include "runtime/log/sim_log.hpp"
#include "tests/cluster/control_fixture.hpp"
#include "tests/cluster/memory_log.hpp"

using namespace weir;
using fault = memory_log::fault;

namespace {

std::unique_ptr<control_log> opened(event_log& log) {
  auto control = control_log::open(log, "weir");
  if (!control) FAIL(control.error().text());
  return std::move(*control);
}

std::vector<control_record> two_sources(const std::string& a, const std::string& b) {
  source_record first = source_of(a), second = source_of(b);
  first.incarnation = second.incarnation = 1;
  return {to_record(first), to_record(second)};
}

}  // namespace

TEST_CASE("a new control log makes its topic and is empty") {
  memory_log log;
  const auto control = opened(log);
  REQUIRE(log.topics()->size() == 1);
  CHECK(log.topics()->front() == topic_config{"weir.control", 1, topic_kind::compacted, 0, 0});
  CHECK(control->state()->offset == -1);
  CHECK(control->plan()->pipelines.empty());
}

TEST_CASE("what is appended is folded in, and again after a restart") {
  memory_log log;
  auto control = opened(log);
  const auto records = apply_pipeline(*control->plan(), "socks", socks_sql, false, true);
  REQUIRE(records);
  const auto offset = control->append(*records);
  REQUIRE(offset);
  CHECK(control->state()->offset == *offset);
  CHECK(control->plan()->names.views.contains("socks"));
  control = opened(log);
  CHECK(control->plan()->names.views.contains("socks"));
  CHECK(control->append({}).value() == control->state()->offset);
}

TEST_CASE("a snapshot stays what it was when the log moves on") {
  memory_log log;
  auto control = opened(log);
  const auto before = control->state();
  REQUIRE(control->append(two_sources("a", "b")));
  CHECK(before->sources.empty());
  CHECK(control->state()->sources.size() == 2);
  control.reset();
  CHECK(before->sources.empty());
}

TEST_CASE("a lost reply of a commit that stands is found out") {
  memory_log log;
  auto control = opened(log);
  log.next_commits = {fault::reply_lost};
  const auto offset = control->append(two_sources("a", "b"));
  if (!offset) FAIL(offset.error().text());
  CHECK(log.entries.size() == 2);
  CHECK(*offset == log.entries.back().offset);
  CHECK(control->state()->sources.size() == 2);
  REQUIRE(control->append(two_sources("c", "d")));
}

TEST_CASE("a commit that never arrived is made again, a few times") {
  memory_log log;
  auto control = opened(log);
  log.next_commits = {fault::request_lost, fault::request_lost};
  REQUIRE(control->append(two_sources("a", "b")));
  CHECK(log.entries.size() == 2);
  log.next_commits = {fault::request_lost, fault::request_lost, fault::request_lost};
  const auto given_up = control->append(two_sources("c", "d"));
  REQUIRE_FALSE(given_up);
  CHECK(given_up.error().code == errc::unavailable);
  CHECK(log.entries.size() == 2);
  REQUIRE(control->append(two_sources("c", "d")));
}

TEST_CASE("what another wrote meanwhile is not taken for a lost commit, and the command is not repeated over it") {
  memory_log log;
  auto control = opened(log);
  log.next_commits = {fault::request_lost};
  log.meanwhile = [&log] { REQUIRE(opened(log)->append(two_sources("c", "d"))); };
  CHECK(control->append(two_sources("a", "b")).error().code == errc::unavailable);
  CHECK(log.entries.size() == 2);
  REQUIRE(control->poll());
  CHECK(control->state()->sources.contains("c"));
  CHECK_FALSE(control->state()->sources.contains("a"));
}

TEST_CASE("an outcome that cannot be read back is told as unknown, and poll shows it later") {
  memory_log log;
  auto control = opened(log);
  log.next_commits = {fault::reply_lost};
  log.failing_opens = true;
  CHECK(control->append(two_sources("a", "b")).error().code == errc::unknown_outcome);
  CHECK(control->state()->sources.empty());
  CHECK(control->append(two_sources("c", "d")).error().code == errc::unavailable);
  log.failing_opens = false;
  CHECK(control->poll().value());
  CHECK(control->state()->sources.size() == 2);
  REQUIRE(control->append(two_sources("c", "d")));
}

TEST_CASE("rule 19: two nodes write to one control log, each only on top of what it has folded") {
  memory_log log;
  auto first = opened(log);
  auto second = opened(log);
  REQUIRE(second->append(two_sources("a", "b")));
  CHECK(first->append(two_sources("c", "d")).error().code == errc::unavailable);  // it has to look at a and b first
  CHECK(first->append(two_sources("c", "d")).error().code == errc::unavailable);  // fenced: its writer opens anew
  REQUIRE(first->append(two_sources("c", "d")));
  CHECK(second->append(two_sources("c", "d")).error().code == errc::unavailable);
  CHECK(second->state()->sources.size() == 4);
  CHECK(second->append(two_sources("e", "f")).error().code == errc::unavailable);
  REQUIRE(second->append(two_sources("e", "f")));
  CHECK(first->poll().value());
  CHECK(first->state()->sources.size() == 6);
  CHECK_FALSE(first->poll().value());
}

TEST_CASE("a rejected transaction leaves nothing and harms nothing") {
  memory_log log;
  auto control = opened(log);
  log.next_commits = {fault::rejected};
  CHECK(control->append(two_sources("a", "b")).error().code == errc::rejected);
  CHECK(control->state()->sources.empty());
  REQUIRE(control->append(two_sources("a", "b")));
}

TEST_CASE("a read that fails half way through a transaction shows nothing of it") {
  memory_log log;
  auto reader = opened(log);
  REQUIRE(opened(log)->append(two_sources("a", "b")));
  log.good_fetches = 1;  // brings source a only
  CHECK_FALSE(reader->poll());
  CHECK(log.good_fetches == -1);
  CHECK(reader->state()->sources.empty());
  CHECK(reader->poll().value());
  CHECK(reader->state()->sources.size() == 2);
}

TEST_CASE("a compacted log gives the same state and no older offset") {
  memory_log log;
  auto control = opened(log);
  REQUIRE(control->append(*apply_pipeline(*control->plan(), "socks", socks_sql, false, true)));
  REQUIRE(control->append(*add_sources(*control->plan(), {source_of("a"), source_of("b")})));
  REQUIRE(control->append(*remove_source(*control->plan(), "b")));
  REQUIRE(control->append({removal("sink", "old")}));
  const auto before = control->state();
  log.compact();
  const auto after = opened(log)->state();
  CHECK(after->offset >= before->offset);
  control_state a = *before, b = *after;
  a.offset = b.offset = 0;
  CHECK(a == b);
}

TEST_CASE("a corrupt record is told at every poll and the last good state stays") {
  memory_log log;
  auto control = opened(log);
  REQUIRE(control->append(two_sources("a", "b")));
  log.entries.push_back({log.end++, "source/c", "nonsense", {}, 0});
  CHECK(control->poll().error().code == errc::corrupt);
  CHECK(control->poll().error().code == errc::corrupt);
  CHECK(control->state()->sources.size() == 2);
  CHECK(control_log::open(log, "weir").error().code == errc::corrupt);
}

TEST_CASE("without reading back, a lost reply is told as a failure though the command stands (rule 8)") {
  const rule_switched_off off(8);
  memory_log log;
  auto control = opened(log);
  log.next_commits = {fault::reply_lost};
  CHECK_FALSE(control->append(two_sources("a", "b")));
  CHECK(log.entries.size() == 2);
}

TEST_CASE("whatever replies are lost and reads fail, a command stands exactly when the answer says so") {
  std::mt19937_64 random(8);
  int done = 0, refused = 0;
  for (std::uint64_t round = 0; round < 200; ++round) {
    sim_faults faults;
    faults.seed = round + 1;
    faults.lost_reply = faults.timed_out = 0.2;
    faults.rejected = faults.no_space = 0.05;
    faults.read_error = faults.short_read = faults.late = 0.2;
    sim_log log;
    auto control = opened(log);
    log.set_faults(faults);
    std::set<std::string> standing;
    for (int command = 0; command < 20; ++command) {
      const std::string name = std::to_string(random() % 8) + "x";
      const bool known = control->state()->sources.contains("a" + name);
      const auto answer = control->append(
          known ? std::vector<control_record>{removal("source", "a" + name), removal("source", "b" + name)}
                : two_sources("a" + name, "b" + name));
      ++(answer ? done : refused);
      if (answer && known) standing.erase(name);
      if (answer && !known) standing.insert(name);
      REQUIRE(control->state()->sources.size() == 2 * standing.size());
      for (const std::string& s : standing) REQUIRE(control->state()->sources.contains("a" + s));
    }
    log.set_faults({});
    if (round % 2 == 0) REQUIRE(log.compact("weir.control", round % 4 == 0));
    const auto again = opened(log);
    REQUIRE(again->state()->sources == control->state()->sources);
    REQUIRE(again->state()->offset >= control->state()->offset);
  }
  CHECK(done > 2'000);
  CHECK(refused > 100);
}
