// Chunks that ingest takes in parts: whatever the parts, the chunks of each life, and where lives end, each record and
// each failure enters once.
#include <catch2/catch.hpp>
#include <random>

#include "actors/shard/ingest.hpp"
#include "cluster/control_log.hpp"
#include "runtime/log/sim_log.hpp"
#include "state/state_key.hpp"

using namespace weir;

namespace {

constexpr std::size_t items = 120;

bool is_failure(std::size_t item) { return item % 7 == 3; }
std::string text_of(std::size_t item) { return fmt::format(R"({{"n":{}}})", item); }

std::shared_ptr<const control_plan> plan_with_source() {
  sim_log log;
  auto control = control_log::open(log, "weir");
  REQUIRE(control);
  REQUIRE((*control)->append({to_record(deployment_record{1, 1})}));
  const auto pipeline = apply_pipeline(*(*control)->plan(), "p", R"(CREATE TABLE s (n bigint) WITH (format = 'json');
    CREATE MATERIALIZED VIEW v AS SELECT n FROM s;)",
                                       false, true);
  REQUIRE(pipeline);
  REQUIRE((*control)->append(*pipeline));
  source_record source;
  source.name = "i";
  source.stream = "s";
  source.connector = "script";
  const auto added = add_sources(*(*control)->plan(), {source});
  REQUIRE(added);
  REQUIRE((*control)->append(*added));
  return (*control)->plan();
}

// What a source offers from a position on; it cuts its chunks anew each time.
source_chunk offer(const std::string& position, std::size_t count) {
  const std::size_t first = position.empty() ? 0 : std::stoul(position), end = std::min(first + count, items);
  source_chunk c;
  for (auto i = first; i < end; ++i)
    if (is_failure(i))
      c.failures.push_back({"not framed", text_of(i)});
    else
      c.records.append(text_of(i));
  c.position = std::to_string(end);
  return c;
}

// What is committed: state as the changelog has it, records and dead letters as the log has them.
struct committed {
  std::map<std::string, std::string> state;
  std::vector<std::string> records, dead;

  void take(epoch e) {
    for (auto& c : e.changes) state[c.key] = *c.value;
    for (const auto& a : e.appends) {
      if (a.topic == "weir.dead.s") dead.push_back(*a.value);
      if (a.topic != "weir.stream.s") continue;
      const auto entry = decode_entry(*a.value);
      REQUIRE(entry);
      for (std::size_t i = 0; i < entry->records.size(); ++i) records.emplace_back(entry->records[i]);
    }
  }
};

ingest restored(const committed& log, const control_plan& plan) {
  ingest in("weir", 0, 1'000, {});
  const auto prefix = state_prefix(ingest_pipeline, 0);
  for (const auto& [key, value] : log.state) REQUIRE(in.restore(std::string_view(key).substr(prefix.size()), value));
  in.apply(plan, 1, 1);
  return in;
}

}  // namespace

TEST_CASE("a chunk taken in parts enters once, however often its source begins again") {
  const auto plan = plan_with_source();
  std::vector<std::string> records, dead;
  for (std::size_t i = 0; i < items; ++i) (is_failure(i) ? dead : records).push_back(text_of(i));
  std::ranges::sort(dead);
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    std::mt19937_64 random(seed);
    const auto below = [&](std::size_t n) { return random() % n; };
    committed log;
    int lives = 0;
    for (bool done = false; !done; ++lives) {
      auto in = restored(log, *plan);
      while (below(8) > 0 && !done) {
        const auto position = in.find_source("i")->position;
        if (done = position == std::to_string(items); done) break;
        const auto chunk = offer(position, 1 + below(40));
        bool goes_on = false;
        for (auto left = in.untaken(*in.find_source("i"), chunk, goes_on); below(12) > 0;) {
          chunk_take take;
          take.goes_on = goes_on;
          if (below(2) == 0) take.records = 1 + below(20);
          REQUIRE(in.accept("i", in.find_source("i")->incarnation, chunk, 1, take));
          if (below(4) > 0) log.take(in.cut());
          if (take.records >= left) break;
          left -= take.records;
          goes_on = true;
        }
      }
      if (done) log.take(in.cut());
    }
    std::ranges::sort(log.dead);
    INFO("seed " << seed << ", lives " << lives);
    CHECK(log.records == records);
    CHECK(log.dead == dead);
  }
}

TEST_CASE("a poison record becomes a dead letter without being decoded, its source goes on behind it") {
  const auto plan = plan_with_source();
  committed log;
  auto in = restored(log, *plan);
  source_chunk c;
  for (const char* text : {R"({"n":1})", R"({"n":2})", R"({"n":3})"}) c.records.append(text);
  c.position = "3";
  const auto incarnation = in.find_source("i")->incarnation;
  REQUIRE(in.accept("i", incarnation, c, 1, {1, false, ""}));
  REQUIRE(in.accept("i", incarnation, c, 1, {1, true, "poison: tried too often"}));
  CHECK(in.find_source("i")->position.empty());
  CHECK(in.untaken(*in.find_source("i"), c, true) == 1);
  REQUIRE(in.accept("i", incarnation, c, 1, {~std::uint64_t{0}, true, ""}));
  CHECK(in.find_source("i")->position == "3");
  CHECK(in.find_source("i")->next_sequence == 3);
  log.take(in.cut());
  CHECK(log.records == std::vector<std::string>{R"({"n":1})", R"({"n":3})"});
  CHECK(log.dead == std::vector<std::string>{R"({"n":2})"});
}

TEST_CASE("a source without positions never offers again: what was taken of its chunk is not held against the next") {
  const auto plan = plan_with_source();
  committed log;
  source_chunk c;
  for (const char* text : {R"({"n":1})", R"({"n":2})", R"({"n":3})"}) c.records.append(text);
  {
    auto in = restored(log, *plan);
    REQUIRE(in.accept("i", in.find_source("i")->incarnation, c, 1, {2, false, ""}));
    log.take(in.cut());
  }
  auto in = restored(log, *plan);
  source_chunk next;
  next.records.append(R"({"n":4})");
  REQUIRE(in.accept("i", in.find_source("i")->incarnation, next, 1));
  log.take(in.cut());
  CHECK(log.records == std::vector<std::string>{R"({"n":1})", R"({"n":2})", R"({"n":4})"});
}
