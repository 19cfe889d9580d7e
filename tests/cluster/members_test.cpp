#include "cluster/members.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "cluster/failure_detector.hpp"
#include "cluster/own_lease.hpp"
#include "tests/cluster/memory_log.hpp"
#include "tests/sim/rule_check.hpp"

using namespace weir;

namespace {

using history = std::vector<log_entry>;

control_state fold_all(const history& entries) {
  control_state state;
  for (const auto& e : entries) REQUIRE(fold_control(state, e));
  return state;
}

struct told_log {
  history entries;
  control_state state;

  void tell(const control_record& r) {
    entries.push_back({static_cast<std::int64_t>(entries.size()), r.key, r.value, {}, 0});
    REQUIRE(fold_control(state, entries.back()));
  }
  void tell(const std::vector<control_record>& all) {
    for (const auto& r : all) tell(r);
  }
  std::uint64_t join(std::string_view name) {
    node_join made{0, "http://" + std::string(name), "127.0.0.1:1"};
    tell(join_records(state, name, made));
    return made.incarnation;
  }
  std::string owner() const { return place(state).owner; }
};

control_record random_record(std::mt19937_64& random) {
  const std::string name(1, static_cast<char>('a' + random() % 3));
  const std::uint64_t incarnation = 1 + random() % 6;
  const auto offset = static_cast<std::int64_t>(random() % 60) - 1;
  switch (random() % 9) {
    case 0:
    case 1: return to_record(name, node_join{incarnation, "http://" + name, "host:1"});
    case 2: return suspicion_of(name, incarnation);
    case 3:
    case 4: return alive_sign(name, incarnation);
    case 5:
    case 6: return to_record(name, node_end{incarnation, offset, random() % 2 == 0, random() % 2 == 0});
    case 7: return {"node/" + name, std::nullopt};
    default: return {"gone/" + name, std::nullopt};
  }
}

}  // namespace

TEST_CASE("who has been there longest owns the shards, and a join moves nothing") {
  told_log log;
  CHECK(log.owner().empty());
  CHECK(log.join("b") == 1);
  CHECK(log.owner() == "b");
  CHECK(log.join("a") == 2);
  CHECK(log.join("c") == 3);
  CHECK(place(log.state) == placement{"b", 1, {"a", "c"}});
  log.tell(to_record("b", node_end{1, log.state.offset, true, true}));
  CHECK(place(log.state) == placement{"a", 2, {"c"}});
  CHECK(log.join("b") == 4);
  CHECK(place(log.state) == placement{"a", 2, {"c", "b"}});
}

TEST_CASE("a node that joins under a name in use ends the earlier incarnation of it") {
  told_log log;
  log.join("a");
  CHECK(log.join("a") == 2);
  CHECK(place(log.state) == placement{"a", 2, {}});
  CHECK_FALSE(predecessor_left_cleanly(log.state));
  log.join("b");
  CHECK(log.join("a") == 4);
  CHECK(place(log.state) == placement{"b", 3, {"a"}});
}

TEST_CASE("whether the last owner left cleanly is known to who comes after it") {
  told_log log;
  CHECK(predecessor_left_cleanly(log.state));
  log.join("a");
  CHECK(predecessor_left_cleanly(log.state));
  log.join("b");
  log.tell(to_record("b", node_end{2, log.state.offset, false, false}));
  CHECK(predecessor_left_cleanly(log.state));  // it owned nothing
  log.tell(to_record("a", node_end{1, log.state.offset, true, true}));
  CHECK(predecessor_left_cleanly(log.state));
  log.join("b");
  log.tell(to_record("b", node_end{3, log.state.offset, false, true}));
  CHECK_FALSE(predecessor_left_cleanly(log.state));
}

TEST_CASE("nodes: fold(compacted) is fold(full), whatever was told in whatever order") {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(seed);
    history full;
    for (std::int64_t offset = 0; offset < 60; offset += 1 + static_cast<std::int64_t>(random() % 2)) {
      const auto r = random_record(random);
      full.push_back({offset, r.key, r.value, {}, 0});
    }
    memory_log log;
    log.entries = full;
    log.compact();
    const auto wanted = fold_all(full);
    auto got = fold_all(log.entries);
    got.offset = wanted.offset;
    INFO("seed " << seed);
    CHECK(got == wanted);
    CHECK(place(got) == place(wanted));
  }
}

TEST_CASE("a record that is none of a node's is refused and changes nothing") {
  told_log log;
  log.join("a");
  const auto before = log.state;
  for (const char* value : {"", "{}", R"({"incarnation":-1})", R"({"incarnation":2,"url":3,"link":""})"})
    for (const char* key : {"node/a", "gone/a"}) {
      const auto folded = fold_control(log.state, {50, key, value, {}, 0});
      REQUIRE_FALSE(folded);
      CHECK(folded.error().code == errc::corrupt);
    }
  CHECK_FALSE(fold_control(log.state, {50, "alive/a", "[]", {}, 0}));
  CHECK_FALSE(fold_control(log.state, {50, "node/", R"({"incarnation":2,"url":"","link":""})", {}, 0}));
  CHECK(log.state == before);
}

TEST_CASE("rule 19: a death is void where the node has spoken above what its witness had seen") {
  holds_only_with(19, []() -> std::string {
    told_log log;
    const auto a = log.join("a");
    log.join("b");
    log.tell(suspicion_of("a", a));
    const auto seen = log.state.offset;
    log.tell(alive_sign("a", a));
    log.tell(to_record("a", node_end{a, seen, false, true}));
    if (log.owner() != "a") return "a node that had answered lost its shards";
    log.tell(to_record("a", node_end{a, log.state.offset, false, true}));
    return log.owner() == "b" ? "" : "a node that is gone kept its shards";
  });
}

TEST_CASE("rule 19: only what the control log says moves a shard, however long a node is silent") {
  told_log log;
  const auto a = log.join("a");
  const auto b = log.join("b");
  failure_detector at_b({"b", 2'000, 300});
  at_b.heard("a", a, 0);
  CHECK(at_b.propose(log.state, b, 0).empty());
  for (std::int64_t t = 0; t <= 2'400; t += 300) at_b.heard("b", b, t);
  const auto said = at_b.propose(log.state, b, 0);
  REQUIRE(said == std::vector{to_record("a", node_end{a, log.state.offset, false, true})});
  CHECK(log.owner() == "a");
  log.tell(said);
  CHECK(log.owner() == "b");
  CHECK(at_b.propose(log.state, b, 0).empty());
}

TEST_CASE("rule 19: a suspected node says at once that it lives, and is left alone then") {
  told_log log;
  const auto a = log.join("a");
  const auto b = log.join("b");
  failure_detector at_a({"a", 2'000, 300}), at_b({"b", 2'000, 300});
  at_b.link_lost("a", a, false);
  const auto suspicion = at_b.propose(log.state, b, 1'000);
  REQUIRE(suspicion == std::vector{suspicion_of("a", a)});
  log.tell(suspicion);
  CHECK(at_b.propose(log.state, b, 1'010).empty());
  const auto answer = at_a.propose(log.state, a, 77);
  REQUIRE(answer == std::vector{alive_sign("a", a)});
  log.tell(answer);
  CHECK(at_a.propose(log.state, a, 78).empty());
  CHECK(at_b.propose(log.state, b, 9'000).empty());
  // Its link comes back and breaks again: that is another suspicion, which nobody answers.
  at_b.link_up("a", a);
  at_b.link_lost("a", a, false);
  log.tell(at_b.propose(log.state, b, 10'000));
  CHECK(log.state.members.at("a").is_suspected());
  CHECK(at_b.propose(log.state, b, 10'100).empty());
  CHECK(at_b.propose(log.state, b, 10'399).empty());
  const auto said = at_b.propose(log.state, b, 10'400);
  REQUIRE(said.size() == 1);
  log.tell(said);
  CHECK(log.owner() == "b");
}

TEST_CASE("a link that breaks where nobody listens any more is a death without a suspicion") {
  told_log log;
  const auto a = log.join("a");
  const auto b = log.join("b");
  failure_detector at_b({"b", 2'000, 300});
  at_b.link_lost("a", a - 1, true);  // of an incarnation that is no more
  CHECK(at_b.propose(log.state, b, 0) == std::vector<control_record>{});
  at_b.link_lost("a", a, true);
  log.tell(at_b.propose(log.state, b, 0));
  CHECK(log.owner() == "b");
}

TEST_CASE("rule 20: neither a clock that goes back or jumps nor an outage ends a lease") {
  holds_only_with(20, []() -> std::string {
    lease_clock clock(2'000);
    clock.heard("a", 1, 1'000'000);
    for (const std::int64_t t : {1'000'300, 1'000'600}) clock.heard("b", 2, t);
    clock.heard("b", 2, 1'000'600 + 14'000);  // an election: nobody could say anything
    if (clock.expired("a", 1)) return "an outage ended a lease";
    for (int i = 1; i <= 6; ++i) clock.heard("b", 2, 1'014'600 + 300 * i);
    if (clock.expired("a", 1)) return "a lease ended before its time";
    clock.heard("b", 2, 1'016'400 - 193'000);  // another leader's clock
    clock.heard("b", 2, 1'016'400 - 193'000 + 150);
    if (clock.silence_ms("a", 1) > 1'950) return "a clock that went back counted";
    for (int i = 1; i <= 2; ++i) clock.heard("b", 2, 1'016'400 - 192'850 + 300 * i);
    return clock.expired("a", 1) ? "" : "a silent node kept its lease";
  });
}

TEST_CASE("rule 20: a node that was stopped itself sees no time go by") {
  lease_clock clock(2'000);
  clock.heard("a", 1, 0);
  CHECK_FALSE(clock.expired("a", 1));
  // It reads on after an hour: both had been there all the time.
  for (std::int64_t t = 300; t < 3'600'000; t += 300) {
    clock.heard("a", 1, t);
    clock.heard("b", 2, t + 100);
  }
  CHECK_FALSE(clock.expired("a", 1));
  CHECK(clock.silence_ms("a", 1) <= 300);
  CHECK_FALSE(clock.was_heard("a", 2));
  CHECK(clock.silence_ms("a", 2) == 0);
  clock.heard("a", 1, 3'600'000);  // late words of the one before
  CHECK_FALSE(clock.was_heard("a", 2));
}

TEST_CASE("rule 21: an owner is sure of its lease for less than others wait, counted from before it spoke") {
  holds_only_with(21, []() -> std::string {
    own_lease lease(2'000);
    if (lease.is_sure(0)) return "sure before it was heard";
    lease.acknowledged(1'000);
    if (!lease.is_sure(2'499)) return "not sure of a lease that holds";
    return lease.is_sure(2'500) ? "sure when others may count it as gone" : "";
  });
}
