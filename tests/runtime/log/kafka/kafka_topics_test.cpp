// Topics on Kafka: their settings, and what is said of wrong ones.
#include "tests/runtime/log/kafka/kafka_fixture.hpp"

namespace weir::test {
namespace {

using kafka::topic_setting;

struct topics_fixture : kafka_fixture {
  std::unique_ptr<kafka::admin> admin = value_of(kafka::admin::open(options));
  kafka::time_limit limit{std::chrono::seconds(60)};

  std::string setting(const std::string& topic, const std::string& name) {
    auto const found = value_of(admin->find(topic, limit));
    REQUIRE(found);
    return found->settings.at(name).value;
  }
};

TEST_CASE("topics are made with the settings that the log needs", "[kafka]") {
  topics_fixture fixture;
  auto const append = fixture.prefix + "a";
  done(fixture.log->create_topic(
      {.name = append, .partitions = 4, .retention_ms = 60'000, .retention_bytes = 4'000'000}));
  CHECK(fixture.setting(append, "cleanup.policy") == "delete");
  CHECK(fixture.setting(append, "retention.ms") == "60000");
  CHECK(fixture.setting(append, "retention.bytes") == "1000000");  // Kafka counts per partition
  CHECK(fixture.setting(append, "message.timestamp.type") == "LogAppendTime");
  CHECK(fixture.setting(append, "unclean.leader.election.enable") == "false");
  CHECK(fixture.setting(fixture.c, "cleanup.policy") == "compact");
  CHECK(fixture.setting(fixture.c, "delete.retention.ms") == std::to_string(fixture.options.tombstone_keep_ms));
  CHECK(std::stoull(fixture.setting(fixture.c, "max.message.bytes")) > fixture.options.max_entry_bytes);
}

TEST_CASE("a topic with wrong settings is refused with the command that mends it", "[kafka]") {
  topics_fixture fixture;
  auto const wrong = fixture.prefix + "wrong";
  done(fixture.admin->create({.name = wrong}, 1,
                             {{"max.message.bytes", "5000"}, {"message.timestamp.type", "CreateTime"}}, fixture.limit));
  auto const refused = error_of(fixture.log->create_topic({.name = wrong}));
  INFO(refused.text());
  CHECK(refused.code == errc::conflict);
  CHECK(refused.message.find("max.message.bytes = 5000 instead of at least ") != std::string::npos);
  CHECK(refused.message.find("message.timestamp.type = CreateTime instead of LogAppendTime") != std::string::npos);
  auto const command = std::string("kafka-configs.sh --bootstrap-server ") + fixture.options.brokers;
  auto const at = refused.hint.find(command);
  REQUIRE(at != std::string::npos);
  if (!has_folder()) return;
  tools_kafka("configs", refused.hint.substr(at + command.size()));
  done(fixture.log->create_topic({.name = wrong}));
}

TEST_CASE("a topic with too few copies or another clean-up is refused", "[kafka]") {
  topics_fixture fixture;
  auto strict = fixture.options;
  strict.replication = 2;
  auto const log = value_of(open_kafka_log(strict));
  auto const refused = error_of(log->create_topic({.name = fixture.t}));
  CHECK(refused.code == errc::conflict);
  CHECK(refused.message.find("1 copies of a partition instead of at least 2") != std::string::npos);
  auto many = fixture.options;
  many.replication = 100;
  auto const too_many = error_of(value_of(open_kafka_log(many))->create_topic({.name = fixture.prefix + "many"}));
  CHECK(too_many.code == errc::invalid_argument);
  CHECK(too_many.hint.find("log.kafka.replication") != std::string::npos);
  auto const both = fixture.prefix + "both";
  done(fixture.admin->create({.name = both}, 1, {{"cleanup.policy", "compact,delete"}}, fixture.limit));
  for (auto const kind : {topic_kind::append, topic_kind::compacted})
    CHECK(error_of(fixture.log->create_topic({.name = both, .kind = kind})).code == errc::conflict);
}

TEST_CASE("another retention becomes the topic's, and what its operator has set stays", "[kafka]") {
  topics_fixture fixture;
  auto const topic = fixture.prefix + "own";
  auto wanted = kafka::wanted_settings({.name = topic}, fixture.options);
  wanted.push_back({"compression.type", "zstd"});
  done(fixture.admin->create({.name = topic}, 1, wanted, fixture.limit));
  done(fixture.log->create_topic({.name = topic, .retention_ms = 77'000}));
  CHECK(fixture.setting(topic, "retention.ms") == "77000");
  CHECK(fixture.setting(topic, "compression.type") == "zstd");
  CHECK(fixture.setting(topic, "message.timestamp.type") == "LogAppendTime");
}

TEST_CASE("topics() answers those of the prefix and no others", "[kafka]") {
  topics_fixture fixture;
  auto const other = own_prefix() + "other";
  done(fixture.log->create_topic({.name = other}));
  strings names;
  for (auto const& topic : value_of(fixture.log->topics())) names.push_back(topic.name);
  CHECK(names == strings{fixture.c, fixture.t});
  CHECK(value_of(fixture.log->bounds(other, 0)).end == 0);
  done(fixture.log->drop_topic(other));
}

TEST_CASE("brokers that are not there are named, in time", "[kafka]") {
  auto options = kafka_options("127.0.0.1:1", "x.");
  options.timeout = std::chrono::milliseconds(500);
  auto const absent = error_of(open_kafka_log(options));
  INFO(absent.text());
  CHECK(absent.code == errc::unavailable);
  CHECK(absent.message.find("127.0.0.1:1") != std::string::npos);
  options.replication = 0;
  CHECK(error_of(open_kafka_log(options)).code == errc::invalid_argument);
  options = kafka_options("127.0.0.1:1");
  options.security = {{"security.protocol", "carrier pigeon"}};
  CHECK(error_of(open_kafka_log(options)).code == errc::invalid_argument);
}

}  // namespace
}  // namespace weir::test
