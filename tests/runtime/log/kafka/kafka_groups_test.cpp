// Offsets of consumer groups, as lag tools see them.
#include "runtime/log/kafka_groups.hpp"

#include "tests/runtime/log/kafka/kafka_fixture.hpp"

namespace weir::test {
namespace {

// What a consumer of that group would find; -1: nothing.
std::int64_t committed(const kafka_fixture& fixture, const std::string& group, const std::string& topic) {
  auto const reader = value_of(kafka::client::open(RD_KAFKA_CONSUMER, fixture.options, {{"group.id", group}}));
  kafka::partitions_ptr const asked(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(asked.get(), topic.c_str(), 0);
  REQUIRE(rd_kafka_committed(reader->get(), asked.get(), 30'000) == RD_KAFKA_RESP_ERR_NO_ERROR);
  return std::max<std::int64_t>(-1, asked->elems[0].offset);
}

TEST_CASE("a group's offsets are written and keep what is not named, however many groups there are", "[kafka]") {
  kafka_fixture fixture;
  auto const groups = make_kafka_groups(fixture.options);
  auto const group = fixture.prefix + "g";
  wait_until("the offsets are written", [&] {
    auto const done = groups->write(group, {{fixture.t, 0, 17}, {fixture.c, 0, 4}});
    if (!done) REQUIRE(done.error().code == errc::unavailable);  // the brokers make their own topic at first
    return done.has_value();
  });
  done(groups->write(group, {{fixture.t, 0, 18}}));
  CHECK(committed(fixture, group, fixture.t) == 18);
  CHECK(committed(fixture, group, fixture.c) == 4);
  CHECK(committed(fixture, group + "0", fixture.t) == -1);
  for (int i = 0; i < 40; ++i) done(groups->write(group + std::to_string(i), {{fixture.t, 0, i}}));
  done(groups->write(group, {{fixture.t, 0, 19}}));
  CHECK(committed(fixture, group, fixture.t) == 19);
  CHECK(committed(fixture, group + "0", fixture.t) == 0);
  CHECK(committed(fixture, group + "39", fixture.t) == 39);
}

TEST_CASE("a topic that is not there has no offset, and the error names it", "[kafka]") {
  kafka_fixture fixture;
  auto const groups = make_kafka_groups(fixture.options);
  auto const refused = error_of(groups->write(fixture.prefix + "g", {{fixture.prefix + "absent", 0, 1}}));
  INFO(refused.text());
  CHECK(refused.message.find(fixture.prefix + "absent") != std::string::npos);
}

}  // namespace
}  // namespace weir::test
