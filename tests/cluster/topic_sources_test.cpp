#include "cluster/topic_sources.hpp"

#include "tests/cluster/control_fixture.hpp"

using namespace weir;

namespace {

struct topic_fixture : control_fixture {
  topic_fixture() { take(apply("socks", socks_sql)); }
  static source_record topic(std::string name = "o") {
    return {std::move(name),    "camera", kafka_connector, {{"topic", "orders"}, {"from", "latest"}},
            run_state::running, 0};
  }
  answer grow(int partitions, const std::vector<std::int64_t>& starts = {}, std::uint64_t incarnation = 1) const {
    return open_partitions(*plan, "o", incarnation, partitions, starts, {});
  }
  std::string from_of(const std::string& name) const { return state.sources.at(name).options.at("from"); }
};

}  // namespace

TEST_CASE_METHOD(topic_fixture, "a topic's partitions become sources of their own, once") {
  take(add_sources(*plan, {topic()}));
  CHECK(take(grow(2, {7, 9})) == 3);
  CHECK(state.sources.at("o.1").options ==
        decltype(source_record::options){{"topic", "orders"}, {"from", "9"}, {"partition", "1"}});
  CHECK(from_of("o.0") == "7");
  CHECK(opened_partitions(state.sources.at("o")) == 2);
  CHECK(state.sources.at("o").incarnation == 1);
  CHECK(take(grow(2)) == 0);
  CHECK(partitions_of(state, state.sources.at("o")).size() == 2);
  CHECK(topic_of(state, state.sources.at("o.1")) == &state.sources.at("o"));
  CHECK(topic_of(state, state.sources.at("o")) == nullptr);
}

TEST_CASE_METHOD(topic_fixture, "what a topic grows by, and what was removed, is read from its beginning") {
  take(add_sources(*plan, {topic()}));
  take(grow(1, {7}));
  take(grow(3));
  CHECK(from_of("o.0") == "7");
  CHECK(from_of("o.2") == "earliest");
  take(remove_source(*plan, "o.0"));
  take(grow(3, {99, 99, 99}));
  CHECK(from_of("o.0") == "earliest");
}

TEST_CASE_METHOD(topic_fixture, "a topic with fewer partitions than before, or added anew, opens nothing") {
  take(add_sources(*plan, {topic()}));
  take(grow(3));
  CHECK(mentions(refused(grow(2)), "had 3 partitions and has 2"));
  CHECK(refused(grow(3, {}, 2)).code == errc::cancelled);
}

TEST_CASE_METHOD(topic_fixture, "a topic is paused, resumed and removed with its partitions") {
  take(add_sources(*plan, {topic()}));
  take(grow(2));
  CHECK(take(set_source_state(*plan, "o", run_state::paused)) == 3);
  CHECK(state.sources.at("o.1").state == run_state::paused);
  CHECK(take(set_source_state(*plan, "o", run_state::running)) == 3);
  CHECK(state.sources.at("o.1").incarnation == 2);
  CHECK(take(remove_source(*plan, "o")) == 3);
  CHECK(state.sources.empty());
  // Added again it begins where its options say.
  take(add_sources(*plan, {topic()}));
  take(grow(2, {5, 5}, state.sources.at("o").incarnation));
  CHECK(from_of("o.0") == "5");
}

TEST_CASE_METHOD(topic_fixture, "a topic that config.toml lists again is the same whatever weir noted on it") {
  take(add_sources(*plan, {topic()}));
  take(grow(2));
  CHECK(take(add_sources(*plan, {topic()})) == 0);
  auto other = topic();
  other.options["topic"] = "else";
  CHECK(refused(add_sources(*plan, {other})).code == errc::conflict);
}

TEST_CASE_METHOD(topic_fixture, "the limit of sources counts partitions") {
  take(add_sources(*plan, {topic()}));
  control_limits few;
  few.sources = 3;
  CHECK(refused(open_partitions(*plan, "o", 1, 3, {}, few)).code == errc::limit_exceeded);
  take(open_partitions(*plan, "o", 1, 2, {}, few));
}
