#include "cluster/stream_clock.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "runtime/fault/protocol_rules.hpp"

using namespace weir;

namespace {
shard_clock live(int sources, std::int64_t watermark, std::int64_t newest, std::int64_t control = 5) {
  return {sources, 0, watermark, no_watermark, newest, control};
}
shard_clock quiet(std::int64_t watermark = no_watermark, std::int64_t newest = no_watermark, std::int64_t control = 5) {
  return {0, 0, watermark, no_watermark, newest, control};
}
using advice_list = std::vector<clock_advice>;
}  // namespace

TEST_CASE("a shard without live sources follows the minimum of those with") {
  stream_clock clock(4);
  clock.report(0, live(1, 100, 120));
  clock.report(1, live(2, 80, 300));
  clock.report(2, quiet());
  CHECK(clock.advise().empty());  // shard 3 is unheard of: minus infinity
  clock.report(3, quiet(90));
  CHECK(clock.advise() == advice_list{{2, false, 80}});
  clock.report(1, live(2, 95, 300));
  CHECK(clock.advise() == advice_list{{2, false, 95}, {3, false, 95}});
  clock.report(2, quiet(95));
  clock.report(3, quiet(95));
  CHECK(clock.advise().empty());
}

TEST_CASE("a live source without a watermark holds everything back") {
  stream_clock clock(2);
  clock.report(0, live(1, no_watermark, no_watermark));
  clock.report(1, quiet(10, 20));
  CHECK(clock.advise().empty());
}

TEST_CASE("sources that are only quiet hold nothing back, and keep the stream from being flushed") {
  stream_clock clock(2);
  auto filled_by_post = quiet(100, 130);
  filled_by_post.quiet_sources = 1;
  clock.report(0, filled_by_post);
  clock.report(1, quiet(50, 70));
  CHECK(clock.advise().empty());
  clock.report(1, live(1, 110, 140));
  CHECK(clock.advise() == advice_list{{0, false, 110}});
}

TEST_CASE("a stream whose sources all ended is flushed at its newest event time, once") {
  stream_clock clock(2);
  clock.report(0, quiet(100, 130));
  clock.report(1, quiet(50, 70));
  CHECK(clock.advise() == advice_list{{0, true, 130}, {1, true, 130}});
  shard_clock flushed = quiet(100, 130);
  flushed.flushed_us = 130;
  clock.report(0, flushed);
  CHECK(clock.advise() == advice_list{{1, true, 130}});
  clock.report(1, flushed);
  CHECK(clock.advise().empty());
  // New records after the flush, then the end again.
  clock.report(1, live(1, 140, 150));
  CHECK(clock.advise() == advice_list{{0, false, 140}});
  clock.report(1, quiet(140, 150));
  CHECK(clock.advise() == advice_list{{0, true, 150}, {1, true, 150}});
}

TEST_CASE("a stream that never had a record is not flushed") {
  stream_clock clock(2);
  clock.report(0, quiet(100));
  clock.report(1, quiet(100));
  CHECK(clock.advise().empty());
}

TEST_CASE("nothing is flushed while shards ran under different control states") {
  stream_clock clock(2);
  clock.report(0, quiet(100, 130, 6));
  clock.report(1, quiet(50, 70, 5));
  CHECK(clock.advise().empty());
  clock.report(1, quiet(50, 70, 6));
  CHECK(clock.advise().size() == 2);
}

TEST_CASE("a report under an older control state does not take back what is live, and time never goes back") {
  stream_clock clock(2);
  clock.report(1, quiet(10, 10, 6));
  clock.report(0, live(1, 100, 130, 6));
  clock.report(0, quiet(90, 90, 5));
  CHECK(clock.advise() == advice_list{{1, false, 100}});
}

TEST_CASE("a stopped shard is waited for, and only what it then says counts") {
  stream_clock clock(2);
  clock.report(0, live(1, 100, 130));
  clock.report(1, quiet(10));
  clock.forget(0);
  CHECK(clock.advise().empty());
  clock.report(0, live(1, 20, 130));  // what it had said of 100 was not committed
  CHECK(clock.advise() == advice_list{{1, false, 20}});
}

TEST_CASE("a flush that was not committed is advised again") {
  stream_clock clock(1);
  auto flushed = quiet(100, 130);
  flushed.flushed_us = 130;
  clock.report(0, flushed);
  CHECK(clock.advise().empty());
  clock.forget(0);
  clock.report(0, quiet(100, 130));
  CHECK(clock.advise() == advice_list{{0, true, 130}});
}

TEST_CASE("shards outside the deployment are ignored") {
  stream_clock clock(1);
  clock.report(-1, live(1, 1, 1));
  clock.report(1, live(1, 1, 1));
  clock.forget(7);
  CHECK(clock.advise().empty());
}

TEST_CASE("advice that is followed leaves nothing to advise, and never passes a live shard's watermark") {
  std::mt19937_64 random(3);
  for (int round = 0; round < 2'000; ++round) {
    const int shards = 1 + static_cast<int>(random() % 6);
    stream_clock clock(shards);
    std::vector<shard_clock> reports(static_cast<std::size_t>(shards));
    const auto time = [&random] {
      return random() % 5 == 0 ? no_watermark : static_cast<std::int64_t>(random() % 100);
    };
    for (int i = 0; i < shards; ++i) {
      auto& r = reports[static_cast<std::size_t>(i)];
      r = {.live_sources = random() % 2 == 0 ? 0 : 1,
           .watermark_us = time(),
           .max_event_time_us = time(),
           .control_offset = static_cast<std::int64_t>(random() % 2)};
      clock.report(i, r);
    }
    for (const clock_advice& a : clock.advise()) {
      auto& r = reports[static_cast<std::size_t>(a.shard)];
      REQUIRE(r.live_sources == 0);
      for (const shard_clock& other : reports) {
        if (a.flush) {
          REQUIRE(other.live_sources == 0);
          REQUIRE(a.time_us >= other.max_event_time_us);
        } else if (other.live_sources > 0) {
          REQUIRE(a.time_us <= other.watermark_us);
        }
      }
      auto& mark = a.flush ? r.flushed_us : r.watermark_us;
      REQUIRE(a.time_us > mark);
      mark = a.time_us;
      clock.report(a.shard, r);
    }
    REQUIRE(clock.advise().empty());
  }
}

TEST_CASE("without marks a shard without sources holds everything back for ever (rules 12 and 13)") {
  stream_clock clock(2);
  clock.report(0, live(1, 100, 130));
  clock.report(1, quiet(10));
  CHECK_FALSE(clock.advise().empty());
  {
    const rule_switched_off off(13);
    CHECK(clock.advise().empty());
  }
  clock.report(0, quiet(100, 130));
  CHECK_FALSE(clock.advise().empty());
  const rule_switched_off off(12);
  CHECK(clock.advise().empty());
}
