#include "actors/live_feed.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "actors/live_view.hpp"
#include "runtime/log/sim_log.hpp"

using namespace weir;

namespace {

constexpr const char* topic_name = "app.view.v";

// A log that counts how often somebody fetches.
struct followed_view {
  followed_view() {
    REQUIRE(log.create_topic({topic_name, 1, topic_kind::append, 0, 0}));
    sim_faults counting;
    counting.on_fetch = [this](std::string_view, int, std::int64_t) {
      ++fetches;
      return false;
    };
    log.set_faults(counting);
    writer = log.open_writer("w").value();
    plan.name = "v";
    plan.kind = view_kind::append;
    plan.output_columns = std::make_shared<schema>();
    feed = feeds.of(log, topic_name, plan, 1, 1);
  }

  void write(int count, std::size_t padding = 0) {
    for (int i = 0; i < count; ++i) {
      const auto json = fmt::format(R"({{"n":{},"p":"{}"}})", written++, std::string(padding, 'x'));
      const log_append row{topic_name, 0, {}, json, "r", 0};
      REQUIRE(writer->commit({&row, 1}));
    }
  }
  // Answers the offset behind it.
  std::int64_t write_one() {
    const log_append row{topic_name, 0, {}, "{}", "r", 0};
    return writer->commit({&row, 1}).value().front() + 1;
  }
  std::unique_ptr<live_cursor> follow(std::string_view token) {
    return live_view::open({log, hub, feed, 1}, plan, 1, token).value();
  }

  sim_log log;
  live_hub hub;
  live_feeds feeds;
  view_plan plan;
  std::unique_ptr<log_writer> writer;
  std::shared_ptr<live_feed> feed;
  int written = 0, fetches = 0;
};

// All that a cursor has to say for now: the first and the last row's number.
std::pair<int, int> read_all(live_cursor& cursor) {
  int first = -1, last = -1;
  for (;;) {
    const auto rows = cursor.next(100).value();
    if (rows.empty()) return {first, last};
    for (const auto& r : rows) {
      const auto n = nlohmann::json::parse(*r.json)["n"].get<int>();
      CHECK((last == -1 || n == last + 1));
      if (first == -1) first = n;
      last = n;
    }
  }
}

}  // namespace

TEST_CASE("readers at the end of a view share what one of them has read", "[live]") {
  followed_view v;
  std::vector<std::unique_ptr<live_cursor>> readers;
  for (int i = 0; i < 50; ++i) readers.push_back(v.follow(""));
  v.write(3);
  v.fetches = 0;
  const auto first = readers[0]->next(100).value();
  REQUIRE(first.size() == 3);
  const live_rows::cutter never = [](const live_rows&) -> std::vector<live_batch_ptr> {
    throw std::logic_error("twice");
  };
  const auto& made = first.batches([](const live_rows&) { return std::vector<live_batch_ptr>(1); });
  for (std::size_t i = 1; i < readers.size(); ++i) {
    const auto rows = readers[i]->next(100).value();
    REQUIRE(rows.size() == 3);
    for (std::size_t r = 0; r < 3; ++r) CHECK(rows[r].json == first[r].json);  // the same text, not a copy
    CHECK(readers[i]->token() == readers[0]->token());
    CHECK(&rows.batches(never) == &made);  // and what was made of it
  }
  CHECK(v.fetches < 60);  // one for the rows, and one for each reader that looks for more
  v.write(2);
  for (auto& r : readers) CHECK(read_all(*r) == std::pair(3, 4));
}

TEST_CASE("a reader that is behind what is shared reads the log and comes back to the others", "[live]") {
  followed_view v;
  const auto quick = v.follow("");
  const auto slow = v.follow("");
  int read = 0;
  for (int step = 0; step < 30; ++step) {  // more than a feed keeps
    v.write(10, 10'000);
    const auto [first, last] = read_all(*quick);
    CHECK(first == read);
    CHECK(last == v.written - 1);
    read = last + 1;
  }
  CHECK(slow->backlog() >= 300);
  CHECK(read_all(*slow) == std::pair(0, 299));
  v.write(1);
  CHECK(read_all(*slow) == std::pair(300, 300));
  CHECK(read_all(*quick) == std::pair(300, 300));
}

TEST_CASE("readers from the beginning, from now on and from a token see every row once", "[live]") {
  followed_view v;
  v.write(5);
  const auto from_start = v.follow("start"), from_now = v.follow("");
  CHECK(from_start->next(2).value().size() == 2);
  const auto token = from_start->token();
  v.write(5);
  CHECK(read_all(*from_now) == std::pair(5, 9));
  CHECK(read_all(*v.follow(token)) == std::pair(2, 9));
  CHECK(read_all(*from_start) == std::pair(2, 9));
  CHECK(from_now->skip_to_end() == 0);
  v.write(4);
  CHECK(from_now->skip_to_end() == 4);
  CHECK(read_all(*from_now) == std::pair(-1, -1));
  v.write(1);
  CHECK(read_all(*from_now) == std::pair(14, 14));
}

TEST_CASE("a feed lives as long as somebody follows it", "[live]") {
  followed_view v;
  const std::weak_ptr<live_feed> kept = v.feed;
  CHECK(v.feeds.of(v.log, topic_name, v.plan, 1, 1) == v.feed);
  CHECK(v.feeds.of(v.log, topic_name, v.plan, 2, 1) != v.feed);  // a view that was made anew
  auto reader = v.follow("");
  v.feed.reset();
  CHECK_FALSE(kept.expired());
  reader.reset();
  CHECK(kept.expired());
}

TEST_CASE("followers wake for every commit of rows, and now and then where only time goes on", "[live]") {
  live_hub hub;
  int woken = 0;
  const auto follower = hub.follow("v", [&] { ++woken; });
  const auto from = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) hub.committed("v", 0, 1, true);
  CHECK(woken == 10);
  while (woken == 10) hub.committed("v", 0, 1, false);
  CHECK(std::chrono::steady_clock::now() - from >= live_hub::longest_sleep);
  hub.committed("v", 0, 1, true);
  hub.committed("other", 0, 1, true);
  CHECK(woken == 12);
  hub.forget(follower);
  hub.committed("v", 0, 1, true);
  CHECK(woken == 12);
}

TEST_CASE("a reader that lags takes all that there is at once, not the small steps of quicker ones", "[live]") {
  followed_view v;
  const auto quick = v.follow(""), slow = v.follow("");
  for (int i = 0; i < 5; ++i) {
    v.write(1);
    CHECK(quick->next(100).value().size() == 1);
  }
  CHECK(slow->next(100).value().size() == 5);
  CHECK(slow->token() == quick->token());
}

TEST_CASE("a follower that is woken before the log shows the rows is woken again until it has them", "[live]") {
  followed_view v;
  v.log.set_faults({.late = 1});  // shown only some fetches later
  const auto reader = v.follow("");
  std::atomic<int> woken = 0;
  reader->on_more([&] { ++woken; });
  for (int commit = 1; commit <= 20; ++commit) {
    int seen = woken;
    v.hub.committed(topic_name, 0, v.write_one(), true);
    std::size_t rows = 0;
    while (rows == 0) {
      while (woken == seen) std::this_thread::yield();
      seen = woken;
      rows = reader->next(100).value().size();
    }
    CHECK(rows == 1);
  }
  CHECK(reader->next(100).value().empty());
}

TEST_CASE("a follower outlives an outage and gets what was committed before it", "[live]") {
  followed_view v;
  const auto reader = v.follow("");
  std::atomic<int> woken = 0;
  reader->on_more([&] { ++woken; });
  const auto end = v.write_one();
  v.log.set_faults({.unavailable = 1, .read_error = 1});
  v.hub.committed(topic_name, 0, end, true);
  for (int i = 0; i < 3; ++i) {
    const int before = woken;
    CHECK(reader->next(100).value().empty());
    while (woken == before) std::this_thread::yield();
  }
  v.log.set_faults({});
  CHECK(reader->next(100).value().size() == 1);
}

TEST_CASE("what a dropped topic held wakes nobody of its successor", "[live]") {
  live_hub hub;
  using more = live_hub::more;
  hub.follow("v", [] {});
  hub.follow("other", [] {});
  CHECK(hub.behind("v", {0, 0}) == more::unknown);
  hub.committed("v", 1, 9, true);
  hub.committed("other", 0, 3, true);
  CHECK(hub.behind("v", {0, 8}) == more::yes);
  CHECK(hub.behind("v", {0, 9}) == more::no);
  hub.forget_ends("v");
  CHECK(hub.behind("v", {0, 8}) == more::unknown);
  CHECK(hub.behind("other", {0, 0}) == more::yes);
}
