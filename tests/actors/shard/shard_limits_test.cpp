// A shard's limits, each gone past: queues, epochs and the pace of commits.
#include <catch2/catch.hpp>

#include "cluster/topic_names.hpp"
#include "runtime/log/sim_log.hpp"
#include "tests/support/sim_node.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

const char* const sql = R"(
CREATE TABLE readings (id bigint NOT NULL, pad text) WITH (format = 'json');
CREATE MATERIALIZED VIEW ids AS SELECT id FROM readings;
)";

std::string record(std::size_t id, std::size_t pad = 0) {
  return fmt::format(R"({{"id":{},"pad":"{}"}})", id, std::string(pad, 'x'));
}

scripted_source instrument(std::size_t count, std::size_t pad = 0) {
  scripted_source s;
  s.name = "i";
  s.stream = "readings";
  for (std::size_t id = 0; id < count; ++id) s.records.push_back(record(id, pad));
  return s;
}

struct one_shard {
  explicit one_shard(shard_options limits, scripted_source source) {
    sim_node_options o;
    o.shard = limits;
    node.emplace(log, folder.path("state"), o, std::map<std::string, std::string>{{"p", sql}},
                 std::vector<scripted_source>{std::move(source)});
  }
  // Everything that can happen without time, then time.
  void pass_time(std::int64_t us) {
    for (int rest = 0; rest < 20;) rest = node->step() ? 0 : rest + 1;
    node->pass_time(us);
  }
  void start() {
    while (!node->at(0).running()) pass_time(1'000);
    for (int i = 0; i < 50; ++i) pass_time(1'000);
  }
  std::size_t rows() { return final_rows(log, "weir", node->control().plan()->names.views.at("ids"), 1).size(); }
  std::size_t stream_entries() { return topic_values(log, topic::stream("weir", "readings"), 1).size(); }

  temp_folder folder;
  sim_log log{sim_log_options{}};
  std::vector<status> answers;
  std::optional<sim_node> node;
};

shard_options pace(std::int64_t least_us, std::int64_t most_us) {
  shard_options o;
  o.commit_interval_min_us = least_us;
  o.commit_interval_max_us = most_us;
  return o;
}

offered_chunk chunk_of(std::uint64_t session, std::size_t first, std::size_t count, std::size_t pad,
                       std::vector<status>& answers) {
  offered_chunk c;
  c.source = "i";
  c.session = session;
  for (std::size_t id = first; id < first + count; ++id) c.chunk.records.append(record(id, pad));
  c.chunk.position = std::to_string(first + count);
  c.accepted = [&answers](status s) { answers.push_back(std::move(s)); };
  return c;
}

}  // namespace

TEST_CASE("chunks over limits.ingest_queue are refused, their source attaches again when there is room") {
  auto limits = pace(5'000, 5'000);
  limits.ingest_queue_bytes = 10'000;
  auto source = instrument(0);
  source.ends = false;
  one_shard s(limits, source);
  s.start();
  s.node->hold_source("i", true);
  auto& shard = s.node->at(0);
  const auto attached = shard.attach("i");
  REQUIRE(attached);
  std::vector<status> answers;
  for (std::size_t i = 0; i < 20; ++i) shard.offer(chunk_of(attached->session, i, 1, 2'000, answers), s.node->now_us());
  // Without a job nothing leaves the queue: what is answered was refused.
  CHECK(answers.size() >= 14);
  for (const auto& a : answers) CHECK(a.error().code == errc::cancelled);
  CHECK(shard.queue_bytes() > limits.ingest_queue_bytes);
  CHECK(shard.queue_bytes() <= limits.ingest_queue_bytes + 2'100);
  CHECK_FALSE(shard.attach("i"));

  const auto taken = 20 - answers.size();
  REQUIRE(s.node->run_to_rest());
  CHECK(shard.queue_bytes() == 0);
  CHECK(s.rows() == taken);
  const auto again = shard.attach("i");
  REQUIRE(again);
  CHECK(again->position == std::to_string(taken));
}

TEST_CASE("a pipeline behind by more than limits.task_queue reads the log, and misses nothing") {
  auto limits = pace(1'000, 1'000);
  limits.task_queue_bytes = 20'000;
  limits.in_flight_records = 0;  // the store is new, and was not left clean
  one_shard s(limits, instrument(400, 500));
  s.node->hold_source("i", true);
  s.start();
  s.node->hang_next(job_kind::task, "p");  // it takes nothing while this is out
  s.node->hold_source("i", false);
  std::size_t most = 0;
  for (int i = 0; i < 400; ++i) {
    s.pass_time(2'000);
    most = std::max(most, s.node->at(0).pipelines().at("p").queue_bytes);
  }
  REQUIRE(s.node->hanging_job());
  CHECK(s.stream_entries() > 0);
  CHECK(most > 0);
  CHECK(most <= limits.task_queue_bytes);
  s.node->wake_hanging();
  REQUIRE(s.node->run_to_rest());
  CHECK(s.rows() == 400);
  CHECK(s.node->at(0).pipelines().at("p").queue_bytes == 0);
}

namespace {

// What each commit of 400 ms holds of the stream and of the view, while a record comes each millisecond.
std::vector<std::pair<bool, bool>> commits_of(one_shard& s) {
  auto& shard = s.node->at(0);
  const auto session = shard.attach("i")->session;
  std::vector<std::pair<bool, bool>> out;
  sim_faults watch;
  watch.on_commit = [&](std::string_view id, std::span<const log_append> batch) {
    const auto holds = [&](std::string_view part) {
      return std::ranges::any_of(batch, [&](const log_append& a) { return a.topic.find(part) != a.topic.npos; });
    };
    if (id == topic::shard_writer("weir", 0)) out.emplace_back(holds(".stream."), holds(".view."));
    return sim_outcome::applied;
  };
  s.log.set_faults(watch);
  for (std::size_t id = 0; id < 400; ++id) {
    shard.offer(chunk_of(session, id, 1, 0, s.answers), s.node->now_us());
    s.pass_time(1'000);
  }
  s.log.set_faults({});
  return out;
}

one_shard with_company(std::int64_t company_us) {
  auto limits = pace(20'000, 20'000);
  limits.commit_company_us = company_us;
  auto source = instrument(0);
  source.ends = false;
  return one_shard(limits, source);
}

}  // namespace

TEST_CASE("a commit waits for the rows that tasks make of its records, where that is worth it") {
  auto s = with_company(5'000);
  s.start();
  s.node->hold_source("i", true);
  const auto commits = commits_of(s);
  CHECK(commits.size() >= 18);
  CHECK(commits.size() <= 21);  // one each interval
  for (const auto& [stream, view] : commits) CHECK((stream && view));
}

TEST_CASE("a clock that is set back by an hour stops no commit") {
  for (const std::int64_t company_us : {0, 5'000}) {
    auto s = with_company(company_us);
    s.start();
    s.node->hold_source("i", true);
    REQUIRE(commits_of(s).size() >= 18);
    s.pass_time(-3'600'000'000);
    CHECK(commits_of(s).size() >= 18);
  }
}

TEST_CASE("a commit does not wait for a task that goes on and on") {
  auto s = with_company(5'000);
  s.start();
  s.node->hold_source("i", true);
  s.node->hang_next(job_kind::task, "p");
  const auto commits = commits_of(s);
  REQUIRE(s.node->hanging_job());
  CHECK(commits.size() >= 14);  // each may be late by the company's 5 ms
  for (const auto& [stream, view] : commits) CHECK((stream && !view));
  s.node->wake_hanging();
  REQUIRE(s.node->run_to_rest());
  CHECK(s.rows() == 400);
}

TEST_CASE("an epoch over commit.max_bytes is closed before its time") {
  for (const bool small : {true, false}) {
    auto limits = pace(3'600'000'000, 3'600'000'000);
    if (small) limits.epoch_max_bytes = 20'000;
    one_shard s(limits, instrument(200, 500));
    s.start();
    for (int i = 0; i < 200; ++i) s.pass_time(1'000);
    INFO(s.node->describe());
    CHECK((s.stream_entries() > 0) == small);
    // An hour has not passed: the last records, which fill no epoch, wait.
    CHECK(s.rows() < 200);
  }
}

TEST_CASE("a shard commits no more often than every commit.interval_min") {
  one_shard s(pace(100'000, 1'000'000), instrument(3'000));
  s.start();
  const auto before = s.node->at(0).commits();
  const auto began = s.node->now_us();
  for (int i = 0; i < 200; ++i) s.pass_time(5'000);
  const auto intervals = static_cast<std::uint64_t>((s.node->now_us() - began) / 100'000);
  const auto commits = s.node->at(0).commits() - before;
  CHECK(commits > 0);
  CHECK(commits <= 2 * (intervals + 1));  // ingest and the pipeline may take turns
  REQUIRE(s.node->run_to_rest());
  CHECK(s.rows() == 3'000);
}

TEST_CASE("an epoch under load grows until it is commit.interval_max old, then it is closed") {
  auto limits = pace(1'000, 200'000);
  limits.job_bytes = 1;  // a chunk a job, so that chunks always wait
  auto source = instrument(0);
  source.ends = false;
  one_shard s(limits, source);
  s.start();
  s.node->hold_source("i", true);
  auto& shard = s.node->at(0);
  const auto attached = shard.attach("i");
  REQUIRE(attached);
  std::vector<status> answers;
  const auto before = shard.commits();
  std::size_t offered = 0;
  for (int ms = 0; ms < 2'000; ++ms) {
    while (shard.queue_bytes() < 1'000)
      shard.offer(chunk_of(attached->session, offered++, 1, 0, answers), s.node->now_us());
    for (int i = 0; i < 12; ++i) s.node->step();
    s.node->pass_time(1'000);
  }
  const auto commits = shard.commits() - before;
  CHECK(commits >= 8);
  CHECK(commits <= 30);
  REQUIRE(s.node->run_to_rest());
  CHECK(s.rows() == offered);
}
