#include "runtime/log/stored_batch.hpp"

#include <catch2/catch.hpp>
#include <limits>

#include "runtime/log/local_keys.hpp"

using namespace weir;

TEST_CASE("a stored batch whose offsets do not fit is refused") {
  stored_batch_builder builder(100);
  builder.add({"t", 0, "key", "value", "header", 7});
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  CHECK(stored_batch_cursor::open(builder.finish(most)).error().code == errc::corrupt);
  CHECK(stored_batch_cursor::open(builder.finish(-1)).error().code == errc::corrupt);
  const std::string last(builder.finish(most - 1));
  auto cursor = stored_batch_cursor::open(last);
  REQUIRE(cursor);
  CHECK(cursor->end() == most);
  CHECK(cursor->next()->value == "value");
}

TEST_CASE("a topic's record of no kind or without partitions is refused") {
  const topic_config config{"t", 4, topic_kind::compacted, 5, 6};
  const auto record = local::encode_topic(3, config);
  REQUIRE(local::decode_topic("t", record));
  CHECK(local::decode_topic("t", record)->config == config);
  auto no_kind = record;
  no_kind[4] = 7;
  CHECK(local::decode_topic("t", no_kind).error().code == errc::corrupt);
  CHECK(local::decode_topic("t", local::encode_topic(3, {"t", 0})).error().code == errc::corrupt);
  CHECK(local::decode_topic("t", local::encode_topic(3, {"t", -1})).error().code == errc::corrupt);
}
