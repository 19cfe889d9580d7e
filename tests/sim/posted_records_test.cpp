// Records that come by POST, in a simulated node: rules 15 and 25, and the commit that a waiting client brings forward.
#include <algorithm>
#include <numeric>

#include "cluster/pushed_sources.hpp"
#include "cluster/topic_names.hpp"
#include "runtime/fault/fault_points.hpp"
#include "runtime/log/sim_log.hpp"
#include "tests/sim/rule_check.hpp"
#include "tests/support/sim_node.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

const char* const sql = R"(
CREATE TABLE readings (at timestamptz NOT NULL, sensor text NOT NULL, value double precision)
  WITH (format = 'json', event_time = 'at');
CREATE MATERIALIZED VIEW counts AS
  SELECT window_start, sensor, count(*) AS n FROM tumble(readings, interval '5 seconds') GROUP BY window_start, sensor;
CREATE MATERIALIZED VIEW by_source WITH (max_rows = 1000) AS
  SELECT source, count(*) AS n, sum(value) AS total FROM readings GROUP BY source;
CREATE MATERIALIZED VIEW plain AS SELECT sensor, value FROM readings;
)";

std::string record(int second, std::string_view sensor, int value = 1) {
  return fmt::format(R"({{"at":"2020-01-01T00:{:02}:{:02}Z","sensor":"{}","value":{}}})", second / 60, second % 60,
                     sensor, value);
}

// What a client hears of a request.
struct heard {
  std::optional<status> accepted;
  bool committed = false;
  std::shared_ptr<ingest_request> request = std::make_shared<ingest_request>();
};
using heard_ptr = std::shared_ptr<heard>;

struct bench {
  explicit bench(int shards = 1, std::vector<scripted_source> sources = {}) {
    options.shards = shards;
    options.shard.commit_interval_min_us = options.shard.commit_interval_max_us = 5'000;
    start(std::move(sources));
  }
  void start(std::vector<scripted_source> sources = {}) {
    node.reset();
    node.emplace(log, folder.path("state"), options, std::map<std::string, std::string>{{"p", sql}},
                 std::move(sources));
  }
  // Opens what a POST to this source needs.
  void open(const std::string& source) {
    auto records = open_pushed_source(*node->control().plan(), "readings", source, {});
    REQUIRE(records);
    if (records->empty()) return;
    REQUIRE(node->control().append(*records));
    node->hand_new_plan();
  }
  heard_ptr post(const std::string& source, std::string key, std::vector<std::string> records) {
    auto h = std::make_shared<heard>();
    offered_chunk c;
    c.source = source;
    for (const auto& r : records) c.chunk.records.append(r);
    h->request->key = std::move(key);
    h->request->fingerprint = std::accumulate(records.begin(), records.end(), std::string());
    c.request = h->request;
    c.accepted = [h](status s) { h->accepted = std::move(s); };
    c.committed = [h] { h->committed = true; };
    node->at(shard_of_source(source, options.shards)).offer(std::move(c), node->now_us());
    return h;
  }
  // A client that sends again until it hears of the commit, through restarts of the node.
  heard_ptr post_until_committed(const std::string& source, const std::string& key,
                                 const std::vector<std::string>& records) {
    for (int tries = 0; tries < 50; ++tries) {
      try {
        auto h = post(source, key, records);
        for (int i = 0; i < 2'000 && !h->committed && !(h->accepted && !*h->accepted); ++i) go_on();
        if (h->committed) return h;
        for (int i = 0; i < 50; ++i) go_on();
      } catch (const simulated_kill&) {
        set_kill_hook({});
        start();
      }
    }
    return nullptr;
  }
  void go_on() {
    if (!node->step()) node->pass_time(1'000);
  }
  bool go_on_until(const std::function<bool()>& what) {
    for (int i = 0; i < 20'000; ++i) {
      if (what()) return true;
      go_on();
    }
    return false;
  }
  std::size_t stored() {
    std::size_t n = 0;
    for (int i = 0; i < options.shards; ++i) {
      const auto all = node->at(i).sources();
      for (const auto& [name, s] : *all) n += s.accepted;
    }
    return n;
  }
  std::vector<std::string> rows(const char* view) {
    return final_rows(log, "weir", node->control().plan()->names.views.at(view), options.shards);
  }

  temp_folder folder;
  sim_log log{{}};
  sim_node_options options;
  std::optional<sim_node> node;
};

// A key that a virtual source of this number takes.
std::string key_for(int number, int shards) {
  for (int i = 0;; ++i)
    if (const auto key = fmt::format("end {}", i);
        virtual_source_of("readings", key, shards) == virtual_source_name("readings", number))
      return key;
}

}  // namespace

TEST_CASE("rule 15: sixteen virtual sources take what names none, whatever the number of shards", "[rules]") {
  const auto answers = [](int shards) {
    bench b(shards);
    b.open(virtual_source_of("readings", "first", shards));
    for (int i = 0; i < 60; ++i) {
      const auto key = fmt::format("key {}", i);
      const auto source = virtual_source_of("readings", key, shards);
      b.post_until_committed(source, key, {record(i, "a", i), record(i + 1, "b", i)});
    }
    // A last record in each closes every window before it.
    for (int i = 0; i < (rule_on(15) ? virtual_sources : shards); ++i)
      b.post_until_committed(virtual_source_name("readings", i), key_for(i, shards), {record(3'000, "end")});
    b.node->run_to_rest();
    return std::make_pair(b.rows("by_source"), b.rows("counts"));
  };
  holds_only_with(15, [&]() -> std::string {
    const auto one = answers(1);
    if (one.second.empty()) return "no window closed";
    for (const int shards : {4, 7})
      if (answers(shards) != one) return fmt::format("{} shards give other rows than one", shards);
    return one.first.size() == virtual_sources ? "" : fmt::format("{} sources of 16", one.first.size());
  });
}

TEST_CASE("the virtual sources of a stream open together, at one cut", "[rules]") {
  bench b(4);
  b.open(virtual_source_of("readings", "x", 4));
  CHECK(b.node->control().plan()->state.sources.size() == virtual_sources);
  REQUIRE(b.go_on_until([&] {
    std::size_t open = 0;
    for (int i = 0; i < 4; ++i) open += b.node->at(i).sources()->size();
    return open == virtual_sources;
  }));
}

TEST_CASE("rule 25: the same key brings its records once, through any crash", "[rules]") {
  holds_only_with(25, []() -> std::string {
    for (const auto* point : {"ingest.before_accept", "ingest.after_accept", "ingest.after_cut",
                              "writer.before_log_commit", "writer.after_log_commit", "writer.after_state_write"}) {
      bench b;
      b.open("cam");
      b.go_on_until([&] { return b.node->at(0).sources()->contains("cam"); });
      int left = 1;
      set_kill_hook([&](std::string_view at) {
        if (at == point && left-- == 1) throw simulated_kill{std::string(at)};
      });
      const auto first = b.post_until_committed("cam", "k", {record(1, "a"), record(2, "a")});
      set_kill_hook({});
      if (!first) return fmt::format("{}: never committed", point);
      const auto again = b.post_until_committed("cam", "k", {record(1, "a"), record(2, "a")});
      if (!again->request->repeated) return fmt::format("{}: the repetition was not known as one", point);
      if (again->request->answer != first->request->answer) return fmt::format("{}: another answer", point);
      b.node->run_to_rest();
      if (const auto n = b.rows("plain").size(); n != 2) return fmt::format("{}: {} rows of 2", point, n);
    }
    return "";
  });
}

TEST_CASE("rule 25: a repetition waits for the commit of the first", "[rules]") {
  holds_only_with(25, []() -> std::string {
    bench b;
    b.open("cam");
    b.go_on_until([&] { return b.node->at(0).sources()->contains("cam"); });
    const auto first = b.post("cam", "k", {record(1, "a")});
    b.go_on_until([&] { return first->accepted.has_value(); });
    const auto again = b.post("cam", "k", {record(1, "a")});
    const bool answered = b.go_on_until([&] { return again->committed; });
    if (!answered) return "it was not answered";
    if (!first->committed) return "it was answered before the first one's commit";
    if (!again->request->repeated) return "it was taken as a new request";
    return "";
  });
}

TEST_CASE("rule 25: the same key with other records is a conflict, and brings nothing", "[rules]") {
  holds_only_with(25, []() -> std::string {
    bench b;
    b.open("cam");
    b.post_until_committed("cam", "k", {record(1, "a")});
    const auto other = b.post("cam", "k", {record(2, "b")});
    b.go_on_until([&] { return other->accepted.has_value(); });
    if (*other->accepted) return "it was accepted";
    if (other->accepted->error().code != errc::conflict) return other->accepted->error().text();
    b.node->run_to_rest();
    return b.rows("plain").size() == 1 ? "" : "it brought a record";
  });
}

TEST_CASE("rule 9: a request that ends the process again and again is refused, its source goes on", "[rules]") {
  holds_only_with(9, []() -> std::string {
    bench b;
    b.open("cam");
    if (!b.post_until_committed("cam", "first", {record(1, "a")})) return "the first request did not commit";
    set_record_hook([](std::string_view pipeline, std::string_view text) {
      if (pipeline.empty() && text.find("poison") != std::string_view::npos) throw simulated_kill{"decoder"};
    });
    std::optional<status> answer;
    for (int deaths = 0; deaths < 20 && !answer;) {
      try {
        const auto h = b.post("cam", "bad", {record(2, "a"), record(3, "poison")});
        if (!b.go_on_until([&] { return h->accepted.has_value(); })) break;
        if (*h->accepted || h->accepted->error().code != errc::unavailable) answer = h->accepted;
        for (int i = 0; i < 50; ++i) b.go_on();  // until the shard runs
      } catch (const simulated_kill&) {
        ++deaths;
        b.start();
      }
    }
    set_record_hook({});
    if (!answer) return "the process died of the request 20 times";
    if (*answer || answer->error().code != errc::rejected) return "the request was not refused";
    if (!b.post_until_committed("cam", "next", {record(4, "a")})) return "its source does not go on";
    b.node->run_to_rest(20'000);
    const auto rows = b.rows("plain").size();
    return rows == 2 ? "" : fmt::format("{} rows of 2", rows);
  });
}

TEST_CASE("requests without a key enter each time, and requests to one source do not disturb each other") {
  bench b;
  b.open("cam");
  b.go_on_until([&] { return b.node->at(0).sources()->contains("cam"); });
  std::vector<heard_ptr> all;
  for (int i = 0; i < 20; ++i) all.push_back(b.post("cam", "", {record(1, "a")}));
  REQUIRE(b.go_on_until([&] { return std::ranges::all_of(all, [](const heard_ptr& h) { return h->committed; }); }));
  CHECK(b.stored() == 20);
}

TEST_CASE("an answer tells what became of the records") {
  bench b;
  b.open("cam");
  const auto first = b.post_until_committed("cam", "a", {record(1, "a"), "broken", record(10, "a"), "{}"});
  CHECK(first->request->answer.accepted == 2);
  CHECK(first->request->answer.dead == 2);
  CHECK(first->request->answer.first_reason.find("expected") != std::string::npos);
  const auto second = b.post_until_committed("cam", "b", {record(2, "a"), record(20, "a")});
  CHECK(second->request->answer.accepted == 2);
  CHECK(second->request->answer.late == 1);
  CHECK(second->request->answer.first_number == first->request->answer.first_number + 2);
  CHECK(second->request->answer.first_reason.empty());
  const auto none = b.post_until_committed("cam", "c", {"broken"});
  CHECK(none->request->answer.accepted == 0);
  CHECK(none->request->answer.dead == 1);
}

TEST_CASE("a source that is filled by POST holds nothing back after a silence, and closes nothing either") {
  bench b;
  b.options.shard.ingest.quiet_after_us = 1'000'000;
  b.start();
  b.open("cam");
  b.open("silent");
  b.post_until_committed("cam", "", {record(1, "a"), record(12, "a")});
  CHECK(b.rows("counts").empty());
  for (int i = 0; i < 3'000; ++i) b.node->pass_time(1'000), b.go_on();
  CHECK(b.node->at(0).sources()->at("silent").state == "quiet");
  CHECK(b.node->at(0).sources()->at("cam").state == "quiet");
  const auto h = b.post_until_committed("cam", "", {record(13, "a")});
  CHECK(h->request->answer.late == 0);
  b.node->run_to_rest();
  CHECK(b.rows("counts") == std::vector<std::string>{R"({"window_start":"2020-01-01T00:00:00Z","sensor":"a","n":1})"});
}

namespace {

// A shard whose jobs take a millisecond each, under a source that always has more: how long requests wait.
struct busy_shard {
  std::int64_t now_us;
  bench b{1, {}};
  std::optional<source_attachment> file;
  int chunks_out = 0, next_record = 0;

  busy_shard() : now_us(0) {
    b.options.shard.commit_interval_max_us = 100'000;
    b.options.shard.job_bytes = 1'000;  // a job takes some of what waits, so that something always waits
    scripted_source backlog;
    backlog.name = "file";
    backlog.stream = "readings";
    b.start({backlog});
    b.node->hold_source("file", true);
    b.open("cam");
    now_us = b.node->now_us();
  }
  shard& core() { return b.node->at(0); }
  void work() {
    for (auto& job : core().take_runnable()) {
      now_us += 1'000;
      job.run();
      core().finished(job.id, now_us);
    }
    now_us += 100;
    core().tick(now_us);
  }
  void keep_full() {
    if (!file) file = core().attach("file");
    for (; file && chunks_out < 8; ++chunks_out) {
      offered_chunk c;
      c.source = "file";
      c.session = file->session;
      for (int i = 0; i < 10; ++i) c.chunk.records.append(record(next_record++ / 1'000, "f"));
      c.accepted = [this](status) { --chunks_out; };
      core().offer(std::move(c), now_us);
    }
  }
  void request(const std::function<void()>& committed) {
    offered_chunk c;
    c.source = "cam";
    c.request = std::make_shared<ingest_request>();
    c.chunk.records.append(record(1, "a"));
    c.accepted = [](status) {};
    c.committed = committed;
    core().offer(std::move(c), now_us);
  }
};

}  // namespace

TEST_CASE("a waiting client brings the commit forward, under any backlog") {
  busy_shard s;
  while (!s.file || !s.core().sources()->contains("cam")) s.keep_full(), s.work();
  // Nobody waits: epochs grow up to commit.interval_max.
  const auto begin = s.now_us;
  const auto before = s.core().commits();
  while (s.now_us - begin < 3'000'000) s.keep_full(), s.work();
  const auto alone = s.core().commits() - before;
  CHECK(alone <= 3 * 30);  // of ingest and of the pipeline, ten a second each, not always together

  std::vector<std::int64_t> waited;
  for (int i = 0; i < 200; ++i) {
    bool done = false;
    const auto asked = s.now_us;
    s.request([&] { done = true; });
    while (!done) {
      s.keep_full(), s.work();
      REQUIRE(s.now_us - asked < 1'000'000);
    }
    waited.push_back(s.now_us - asked);
  }
  std::ranges::sort(waited);
  INFO("p50 " << waited[100] << " us, p99 " << waited[198] << " us");
  CHECK(waited[198] < 40'000);
}
