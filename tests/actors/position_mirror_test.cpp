#include "actors/position_mirror.hpp"

#include <catch2/catch.hpp>

#include "actors/shard/epoch.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/log/sim_log.hpp"
#include "state/state_key.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

using offsets_by_place = std::map<std::pair<std::string, int>, std::int64_t>;

// What the brokers hold, and how often they were asked.
struct fake_brokers {
  std::map<std::string, offsets_by_place> groups;
  int writes = 0;
  std::optional<error> trouble;
};

class fake_groups final : public kafka_groups {
 public:
  explicit fake_groups(fake_brokers& to) : to_(to) {}
  status write(const std::string& group, const std::vector<group_offset>& offsets) override {
    if (to_.trouble) return fail(*to_.trouble);
    ++to_.writes;
    for (const auto& o : offsets) to_.groups[group][{o.topic, o.partition}] = o.offset;
    return {};
  }

 private:
  fake_brokers& to_;
};

// One shard with a stream "s", a view "v" of another pipeline, and a pipeline "p" that reads both.
struct mirrored {
  mirrored() {
    for (const auto& name : {stream, view}) REQUIRE(log.create_topic({name, 1, topic_kind::append, 0, 0}));
    writer = log.open_writer("w").value();
    plan.names.streams["s"].name = "s";
    plan.pipelines["p"].record = {"p", "", 3, 3};
  }

  void write(const std::string& topic, int entries) {
    for (int i = 0; i < entries; ++i) {
      const log_append one{topic, 0, {}, "x", {}, 0};
      REQUIRE(writer->commit({&one, 1}));
    }
  }
  void put(const std::string& key, const std::string& value) {
    state_delta delta;
    delta.changes.push_back({key, value});
    delta.changelog_next = ++changelog;
    REQUIRE(store->apply(0, delta));
  }
  void ingest_committed(std::uint64_t next) {
    std::string value;
    put_varint(value, next);
    put(state_prefix(ingest_pipeline, 0) + state_of_stream + "s", value);
  }
  void pipeline_committed(std::uint64_t number, std::int64_t hint, std::uint64_t view_position) {
    task_record r;
    r.inputs = {{input_kind::stream, "s", number, hint}, {input_kind::view, "v", view_position, 0}};
    put(state_prefix("p", 3) + state_of_task, encode_task_record(r));
  }
  void rounds(int count) {
    for (int i = 0; i < count; ++i) REQUIRE(mirror.refresh(plan, {0}));
  }
  std::int64_t shown(const std::string& topic) { return brokers.groups.at("app.p").at({topic, 0}); }

  const std::string stream = topic::stream("app", "s"), view = topic::view("app", "v");
  temp_folder folder;
  sim_log log;
  std::unique_ptr<log_writer> writer;
  std::unique_ptr<state_store> store = state_store::open(folder.path("state"), 100).value();
  fake_brokers brokers;
  control_plan plan;
  std::int64_t changelog = 0;
  position_mirror mirror{"app", log, *store, std::make_unique<fake_groups>(brokers), std::chrono::seconds(60)};
};

}  // namespace

TEST_CASE("a pipeline that has passed all records is shown at the end, one that has not where it stands") {
  mirrored m;
  m.write(m.stream, 5);  // of 10 records each
  m.ingest_committed(50);
  m.pipeline_committed(20, 1, 0);
  m.rounds(3);
  CHECK(m.shown(m.stream) == 1);
  m.pipeline_committed(50, 1, 0);
  m.rounds(1);
  CHECK(m.shown(m.stream) == 5);
}

TEST_CASE("what ingest commits while the end is asked for is never shown as passed") {
  mirrored m;
  m.write(m.stream, 2);
  m.ingest_committed(20);
  m.pipeline_committed(20, 0, 0);
  m.rounds(3);
  CHECK(m.shown(m.stream) == 2);
  m.write(m.stream, 3);  // in the log, the state follows later
  m.rounds(1);
  CHECK(m.shown(m.stream) == 2);
  m.ingest_committed(50);
  m.rounds(4);
  CHECK(m.shown(m.stream) == 2);
  m.pipeline_committed(50, 0, 0);
  m.rounds(1);
  CHECK(m.shown(m.stream) == 5);
}

TEST_CASE("a position in a view is shown as it is, and at the end when nothing follows it") {
  mirrored m;
  m.write(m.view, 4);
  m.pipeline_committed(0, 0, 2);
  m.rounds(3);
  CHECK(m.shown(m.view) == 2);
  m.pipeline_committed(0, 0, 4);
  m.rounds(3);
  CHECK(m.shown(m.view) == 4);
}

TEST_CASE("only what changed is written, and nothing of a dropped pipeline") {
  mirrored m;
  m.pipeline_committed(0, 0, 0);
  m.rounds(1);
  const auto first = m.brokers.writes;
  m.rounds(5);
  CHECK(m.brokers.writes == first);
  m.plan.pipelines.clear();
  m.pipeline_committed(9, 2, 1);
  m.rounds(3);
  CHECK(m.brokers.writes == first);
}

TEST_CASE("brokers that refuse end the round with the reason, and the next one writes all of it") {
  mirrored m;
  m.pipeline_committed(0, 0, 0);
  m.brokers.trouble = error{errc::permission_denied, "no right to read group app.p", {}};
  CHECK(m.mirror.refresh(m.plan, {0}).error().code == errc::permission_denied);
  m.brokers.trouble.reset();
  m.rounds(1);
  CHECK(m.brokers.groups.at("app.p").size() == 2);
}

TEST_CASE("positions of a pipeline's earlier incarnation are not shown any more") {
  mirrored m;
  m.pipeline_committed(7, 3, 2);
  m.rounds(1);
  m.plan.pipelines["p"].record.incarnation = 4;
  m.rounds(3);
  CHECK(m.shown(m.stream) == 3);  // until the new one commits
  task_record r;
  r.inputs = {{input_kind::shuffle, "v", 5, 0}};
  REQUIRE(m.log.create_topic({topic::shuffle("app", "p", "v", 4), 1, topic_kind::append, 0, 0}));
  m.write(topic::shuffle("app", "p", "v", 4), 5);
  m.put(state_prefix("p", 4) + state_of_task, encode_task_record(r));
  m.rounds(2);
  CHECK(m.shown(topic::shuffle("app", "p", "v", 4)) == 5);
}
