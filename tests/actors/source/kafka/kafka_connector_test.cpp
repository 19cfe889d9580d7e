#include "actors/source/kafka/kafka_connector.hpp"

#include "actors/source/kafka/topic_position.hpp"
#include "tests/actors/source/kafka/scripted_topics.hpp"

using namespace weir;
using namespace weir::source_test;

namespace {

struct kafka_fixture {
  std::shared_ptr<scripted_topics> kafka = std::make_shared<scripted_topics>();
  connector_context context = context_for({}, "json");

  kafka_fixture() {
    context.kafka.brokers = {"here:1", "there:2"};
    context.kafka.open = [this](const std::string&) { return std::static_pointer_cast<external_topics>(kafka); };
    kafka->topics["orders"].resize(1);
  }
  scripted_partition& orders(std::size_t partition = 0) { return kafka->topics["orders"].at(partition); }
  static source_spec spec(option_map options = {}) {
    options.try_emplace("topic", "orders");
    options.try_emplace("partition", "0");
    return {"o.0", "t", "kafka", std::move(options)};
  }
  std::string refusal(option_map options) {
    const auto good = check_source({"o", "t", "kafka", std::move(options)}, context);
    return good ? std::string() : good.error().text();
  }
  everything read(option_map options = {}, std::string_view position = {}) {
    return drain(*opened(spec(std::move(options)), context, position));
  }
};

bool says(const std::string& text, std::string_view part) {
  CAPTURE(text, part);
  return text.find(part) != std::string::npos;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE_METHOD(kafka_fixture, "a partition's records come in their order, and a restart goes on behind the last") {
  for (const auto* v : {"a", "b", "c"}) orders().put(v);
  const auto first = read();
  CHECK(first.records == texts{"a", "b", "c"});
  CHECK(read({}, first.position).records.empty());
  orders().put("d");
  CHECK(read({}, first.position).records == texts{"d"});
}

TEST_CASE_METHOD(kafka_fixture, "any limits and restarts give each record once") {
  for (int i = 0; i < 50; ++i) orders().put(std::to_string(i));
  std::string position;
  texts all;
  for (std::size_t n = 1; all.size() < 50; n = n % 7 + 1) {
    const auto source = opened(spec(), context, position);
    const auto chunk = source->pull({n, 1 << 20, {}});
    REQUIRE(chunk);
    CHECK(chunk->records.size() <= n);
    for (std::size_t i = 0; i < chunk->records.size(); ++i) all.emplace_back(chunk->records[i]);
    position = chunk->position;
  }
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(all[i] == std::to_string(i));
}

TEST_CASE_METHOD(kafka_fixture, "a position moves past what is no record, and is handed over for that alone") {
  orders().put("a");
  const auto source = opened(spec(), context);
  const auto first = source->pull({});
  REQUIRE(first);
  CHECK(decode_topic_position(first->position)->next == 1);
  CHECK_FALSE(source->pull({})->moved);
  orders().put_marker();
  const auto second = source->pull({});
  REQUIRE(second);
  CHECK(second->records.size() == 0);
  CHECK(second->moved);
  CHECK(decode_topic_position(second->position)->next == 2);
  orders().trim(2);  // retention takes all that was read
  CHECK(read({}, second->position).error.empty());
}

TEST_CASE_METHOD(kafka_fixture, "a position that retention has passed stops the source and names what is gone") {
  for (int i = 0; i < 5; ++i) orders().put(std::to_string(i));
  const auto source = opened(spec(), context);
  const auto chunk = source->pull({2, 1 << 20, {}});
  REQUIRE(chunk);
  orders().trim(4);
  const auto lost = read({}, chunk->position);
  CHECK(lost.code == errc::offset_out_of_range);
  CHECK(says(lost.error, "offsets 2 to 3 are gone"));
  CHECK(says(lost.error, "weir source remove o.0"));
  // While it runs, too.
  const auto running = source->pull({});
  REQUIRE_FALSE(running);
  CHECK(says(running.error().text(), "offsets 2 to 3 are gone"));
}

TEST_CASE_METHOD(kafka_fixture, "a topic that ends before the position stops the source") {
  for (int i = 0; i < 5; ++i) orders().put(std::to_string(i));
  const auto all = read();
  orders() = {};
  orders().put("new");
  const auto lost = read({}, all.position);
  CHECK(lost.code == errc::offset_out_of_range);
  CHECK(lost.records.empty());
  CHECK(says(lost.error, "has read up to offset 5, and the topic ends at 1"));
}

TEST_CASE_METHOD(kafka_fixture, "a topic made anew and filled beyond the position is told from the old one") {
  for (int i = 0; i < 5; ++i) orders().put(std::to_string(i));
  const auto all = read();
  orders() = {};
  for (int i = 0; i < 9; ++i) orders().put("new " + std::to_string(i));
  const auto lost = read({}, all.position);
  CHECK(lost.code == errc::conflict);
  CHECK(lost.records.empty());
  CHECK(says(lost.error, "the record at offset 4 is not the one"));
}

TEST_CASE_METHOD(kafka_fixture, "in a compacted topic the last record may be gone") {
  for (int i = 0; i < 3; ++i) orders().put(std::to_string(i));
  const auto all = read();
  orders().put("3");
  orders().records.erase(2);
  CHECK(read({}, all.position).records == texts{"3"});
}

TEST_CASE_METHOD(kafka_fixture, "a topic that is deleted stops the source") {
  orders().put("a");
  const auto source = opened(spec(), context);
  REQUIRE(source->pull({}));
  kafka->topics.clear();
  const auto gone = source->pull({});
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code == errc::not_found);
  CHECK(says(gone.error().text(), "was read up to offset 1"));
}

TEST_CASE_METHOD(kafka_fixture, "brokers that do not answer are an error of the pull, not of the opening") {
  kafka->down = "nobody is there";
  const auto source = opened(spec(), context);
  CHECK_FALSE(source->connected());
  CHECK(says(source->pull({}).error().text(), "nobody is there"));
}

TEST_CASE_METHOD(kafka_fixture, "tombstones are dead letters, or ignored, as the option says") {
  orders().put(scripted_record{"k1", std::nullopt});
  orders().put("a");
  const auto told = read();
  CHECK(told.records == texts{"a"});
  REQUIRE(told.failures.size() == 1);
  CHECK(says(told.failures[0].reason, "orders[0], offset 0: a record without a value, of key 'k1'"));
  CHECK(told.failures[0].bytes == "k1");
  const auto ignored = read({{"tombstones", "ignore"}});
  CHECK(ignored.records == texts{"a"});
  CHECK(ignored.failures.empty());
  const auto source = opened(spec({{"tombstones", "ignore"}}), context);
  CHECK(says(source->pull({})->progress, "1 tombstones ignored"));
}

TEST_CASE_METHOD(kafka_fixture, "a record over max_record is a dead letter with its first bytes") {
  context.max_record_bytes = 10;
  orders().put(std::string(11, 'x'));
  orders().put(std::string(10, 'y'));
  const auto all = read();
  CHECK(all.records == texts{std::string(10, 'y')});
  REQUIRE(all.failures.size() == 1);
  CHECK(says(all.failures[0].reason, "it has 11 bytes, more than log.max_record = 10"));
  CHECK(all.failures[0].bytes == std::string(10, 'x'));
}

TEST_CASE_METHOD(kafka_fixture, "key and time become fields in front of JSON objects") {
  orders().put(scripted_record{"k\"1", R"({"v":1})"});
  orders().put(scripted_record{std::nullopt, R"({"v":2})"});
  orders().put(scripted_record{"\xff", R"({"v":3})"});
  orders().put(scripted_record{"k", "no object"});
  const auto all = read({{"key_column", "k"}, {"timestamp_column", "at"}});
  CHECK(all.records == texts{R"({"k":"k\"1","at":"2023-11-14T22:13:20Z","v":1})",
                             R"({"k":null,"at":"2023-11-14T22:13:20Z","v":2})", "no object"});
  REQUIRE(all.failures.size() == 1);
  CHECK(says(all.failures[0].reason, "is no text in UTF-8"));
}

TEST_CASE_METHOD(kafka_fixture, "CSV records get their header from the option, and lose their line's end") {
  context.stream_format = {"csv", {}};
  orders().put("1,2\r\n");
  orders().put("3,4");
  const auto all = read({{"header", "a,b"}});
  CHECK(all.records == texts{"1,2", "3,4"});
  CHECK(all.contexts == texts{"a,b", "a,b"});
  CHECK(says(refusal({{"topic", "orders"}}), "give the option header"));
}

TEST_CASE_METHOD(kafka_fixture, "a partition opens at the beginning, the end, an offset or a time") {
  for (int i = 0; i < 4; ++i)
    orders().put(scripted_record{std::nullopt, std::to_string(i), (1'700'000'000LL + i) * us_per_s});
  CHECK(read({{"from", "2"}}).records == texts{"2", "3"});
  CHECK(read({{"from", "latest"}}).records.empty());
  CHECK(read({{"from", "2023-11-14T22:13:23Z"}}).records == texts{"3"});
  CHECK(says(read({{"from", "9"}}).error, "the topic ends at 4"));
  orders().trim(3);
  CHECK(read().records == texts{"3"});
  CHECK(says(read({{"from", "1"}}).error, "offsets 1 to 2 are gone"));
}

TEST_CASE_METHOD(kafka_fixture, "a look at a topic tells its partitions, and where they begin at first") {
  kafka->topics["orders"].resize(3);
  orders(1).put("x");
  const auto look = [&](option_map options, bool first) {
    options.emplace("topic", "orders");
    return look_at_topic({"o", "t", "kafka", options}, context, first).value();
  };
  CHECK(look({}, true).partitions == 3);
  CHECK(look({}, true).starts.empty());
  CHECK(look({{"from", "latest"}}, true).starts == std::vector<std::int64_t>{0, 1, 0});
  CHECK(look({{"from", "latest"}}, false).starts.empty());
}

TEST_CASE_METHOD(kafka_fixture, "a trial of a whole topic shows a partition that has records") {
  kafka->topics["orders"].resize(3);
  orders(2).put("x");
  context.trial = true;
  const auto source = opened({"o", "t", "kafka", {{"topic", "orders"}}}, context);
  CHECK(drain(*source).records == texts{"x"});
}

TEST_CASE_METHOD(kafka_fixture, "options that cannot be are named with what they should be") {
  CHECK(refusal({{"topic", "orders"}}).empty());
  CHECK(refusal({{"topic", "orders"}, {"brokers", "there:2"}}).empty());
  CHECK(says(refusal({{"topic", "orders"}, {"brokers", "else:3"}}), "allowed are: here:1; there:2"));
  CHECK(says(refusal({{"topic", "a b"}}), "is no name of a topic"));
  CHECK(says(refusal({{"topic", std::string(250, 'x')}}), "is no name of a topic"));
  CHECK(says(refusal({{"topic", "orders"}, {"from", "5"}}), "needs the option partition"));
  CHECK(says(refusal({{"topic", "orders"}, {"from", "soon"}}), "is not earliest, latest, a time"));
  CHECK(says(refusal({{"topic", "orders"}, {"header", "a"}}), "option header is for streams of format csv"));
  CHECK(says(refusal({{"topic", "orders"}, {"tombstones", "keep"}}), "one of dead_letter, ignore"));
  context.kafka.brokers.clear();
  CHECK(says(refusal({{"topic", "orders"}}), "sources.kafka.allow"));
}

TEST_CASE("a position is read back as it was written, and nothing else is one") {
  const topic_position at{7, topic_position::read_record{5, 0xfedcba9876543210U}};
  CHECK(decode_topic_position(encode_topic_position(at)).value() == at);
  CHECK(decode_topic_position(encode_topic_position({3, {}})).value() == topic_position{3, {}});
  for (const auto* bad : {"", "7", "{}", R"({"v":2,"offset":1})", R"({"v":1,"offset":-1})", R"({"v":1,"offset":1.5})",
                          R"({"v":1,"offset":3,"last":2})", R"({"v":1,"offset":3,"last":3,"fingerprint":"1"})",
                          R"({"v":1,"offset":3,"last":2,"fingerprint":"x"})"})
    CHECK(decode_topic_position(bad).error().code == errc::corrupt);
}
