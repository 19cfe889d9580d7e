// Which sources ingest takes for live, and what it takes W from: kept as they change, never by a look at each source.
#include <catch2/catch.hpp>
#include <random>
#include <set>

#include "actors/shard/live_shares.hpp"
#include "runtime/log/sim_log.hpp"
#include "tests/support/sim_node.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

const char* const sql = R"(
CREATE TABLE readings (at timestamptz NOT NULL, v bigint NOT NULL)
  WITH (format = 'json', event_time = 'at', idle = '10 seconds');
CREATE MATERIALIZED VIEW vs AS SELECT v FROM readings;
)";

std::string record(int second) {
  return fmt::format(R"({{"at":"2020-01-01T00:{:02}:{:02}Z","v":1}})", second / 60, second % 60);
}

scripted_source instrument(std::string name, std::vector<int> seconds) {
  scripted_source s;
  s.name = std::move(name);
  s.stream = "readings";
  s.ends = false;
  for (const int second : seconds) s.records.push_back(record(second));
  return s;
}

struct deployment {
  temp_folder folder;
  sim_log log{sim_log_options{}};
  std::optional<sim_node> node;

  void start(std::vector<scripted_source> sources) {
    node.emplace(log, folder.path("state"), sim_node_options{}, std::map<std::string, std::string>{{"p", sql}},
                 std::move(sources));
  }
  void run(std::int64_t us) {
    for (const auto end = node->now_us() + us; node->now_us() < end;)
      if (!node->step()) node->pass_time(5'000);
  }
  void speak(const std::string& name, int second) {
    node->hold_source(name, true);
    const auto attached = node->at(0).attach(name);
    REQUIRE(attached);
    offered_chunk c;
    c.source = name;
    c.session = attached->session;
    c.chunk.records.append(record(second));
    node->at(0).offer(std::move(c), node->now_us());
  }
  source_status source(const std::string& name) {
    const auto all = node->at(0).sources();
    return all->at(name);
  }
  std::string states(std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += source(fmt::format("s{}", i)).state.substr(0, 1);
    return out;
  }
};

}  // namespace

TEST_CASE("a source whose silence has begun becomes idle also when another control state comes meanwhile") {
  deployment d;
  d.start({instrument("s0", {1})});
  d.run(2'000'000);
  source_record later;
  later.name = "s1";
  later.stream = "readings";
  later.connector = "script";
  REQUIRE(d.node->control().append(add_sources(*d.node->control().plan(), {later}).value()));
  d.node->hand_new_plan();
  d.run(2'000'000);
  CHECK(d.source("s0").state == "live");
  d.run(9'000'000);
  CHECK(d.source("s0").state == "idle");
}

TEST_CASE("a silent source becomes idle after the stream's idle time, one that speaks stays live or returns") {
  deployment d;
  d.start({instrument("s0", {1}), instrument("s1", {1}), instrument("s2", {1})});
  d.run(2'000'000);
  CHECK(d.states(3) == "lll");
  d.run(5'000'000);
  d.speak("s1", 3);  // 3 s before the others' time is over
  d.run(5'000'000);
  CHECK(d.states(3) == "ili");
  d.speak("s0", 4);
  d.run(1'000'000);
  CHECK(d.states(3) == "lli");
  d.run(5'000'000);
  CHECK(d.states(3) == "lii");
  d.run(6'000'000);
  CHECK(d.states(3) == "iii");
}

TEST_CASE("silence counts from the start of the process: a restart makes no source idle") {
  deployment d;
  d.start({instrument("s0", {1}), instrument("s1", {2})});
  d.run(3'000'000);
  CHECK(d.states(2) == "ll");
  d.node.reset();
  d.start({instrument("s0", {1}), instrument("s1", {2})});
  d.run(5'000'000);
  CHECK(d.states(2) == "ll");
  d.run(7'000'000);
  CHECK(d.states(2) == "ii");
}

TEST_CASE("the least share is that of a plain look at every share, whatever comes and goes") {
  std::mt19937_64 random(3);
  live_shares kept;
  std::multiset<std::int64_t> plain;
  for (int i = 0; i < 5'000; ++i) {
    if (!plain.empty() && random() % 2 == 0) {
      const auto it = std::next(plain.begin(), static_cast<std::ptrdiff_t>(random() % plain.size()));
      kept.remove(*it);
      plain.erase(it);
    } else {
      const auto share = static_cast<std::int64_t>(random() % 50) - 25;
      kept.add(share);
      plain.insert(share);
    }
    REQUIRE(kept.count() == plain.size());
    REQUIRE(kept.least() == (plain.empty() ? std::nullopt : std::optional(*plain.begin())));
  }
}
