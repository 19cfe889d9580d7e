// What the configuration means for a node's log.
#include "actors/node_log.hpp"

#include <catch2/catch.hpp>

using namespace weir;

TEST_CASE("on Kafka a shard commits no more often than every log.kafka.interval_min") {
  config c;
  c.commit.interval_min_us = 5'000;
  c.commit.interval_max_us = 100'000;
  c.kafka.interval_min_us = 15'000;
  CHECK(least_commit_interval_us(c) == 5'000);
  c.log.kind = "kafka";
  CHECK(least_commit_interval_us(c) == 15'000);
  c.commit.interval_min_us = 20'000;
  CHECK(least_commit_interval_us(c) == 20'000);
  c.commit.interval_max_us = c.commit.interval_min_us = 10'000;
  CHECK(least_commit_interval_us(c) == 10'000);
}
