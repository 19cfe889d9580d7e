// What people ask of a node: rows, pages, SQL, live rows, states. A real node, its tables and its log.
#include "tests/actors/running_node.hpp"

using namespace weir;
using namespace weir::testing;
using nlohmann::json;

namespace {

const std::vector<std::string> socks{shot(0, "Blank"),  shot(1, "Google"),       shot(2, "Google", 0.4),
                                     shot(3, "Mongo"),  shot(6, "Google", 0.95), shot(7, "Yahoo"),
                                     shot(12, "Mongo"), shot(13, "Blank", 0.1)};

std::vector<std::string> fields(const std::vector<json>& rows, const char* name) {
  std::vector<std::string> out;
  for (const auto& r : rows) out.push_back(r[name].is_string() ? r[name].get<std::string>() : r[name].dump());
  return out;
}

row_query keyed(std::map<std::string, std::string> key) {
  row_query q;
  q.key = std::move(key);
  return q;
}

// Rows of a cursor until none come for a while.
std::vector<live_row> read_on(live_cursor& cursor, std::size_t wanted) {
  std::vector<live_row> out;
  running_node::comes_true([&] {
    auto more = cursor.next(100);
    if (!more) FAIL(more.error().text());
    out.insert(out.end(), more->begin(), more->end());
    return out.size() >= wanted;
  });
  return out;
}

std::unique_ptr<live_cursor> follow(running_node& n, const std::string& view, const std::string& token) {
  auto cursor = n.api().open_live(view, token);
  if (!cursor) FAIL(cursor.error().text());
  return std::move(*cursor);
}

}  // namespace

TEST_CASE("a node answers rows of its views by key, range and page") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  n.add_file("cam1", "camera", socks);
  REQUIRE(n.has_rows("sock_seen", 5));

  const auto all = n.rows("sock_seen");
  CHECK(fields(all, "image") == std::vector<std::string>{"Google", "Google", "Mongo", "Mongo", "Yahoo"});
  CHECK(all[0] == json{{"window_start", "2020-01-01T00:00:00Z"}, {"image", "Google"}, {"seen", 2}, {"best", 0.9}});

  SECTION("by the first key column") {
    const auto rows = n.rows("sock_seen", keyed({{"image", "Google"}}));
    CHECK(fields(rows, "seen") == std::vector<std::string>{"2", "1"});
  }
  SECTION("by the whole key") {
    const auto rows = n.rows("sock_seen", keyed({{"window_start", "2020-01-01T00:00:05Z"}, {"image", "Yahoo"}}));
    REQUIRE(rows.size() == 1);
    CHECK(rows[0]["seen"] == 1);
  }
  SECTION("by a range of the next key column") {
    row_query q;
    q.from = "H";
    CHECK(fields(n.rows("sock_seen", q), "image") == std::vector<std::string>{"Mongo", "Mongo", "Yahoo"});
    q.to = "Y";
    CHECK(n.rows("sock_seen", q).size() == 2);
    q = keyed({{"image", "Mongo"}});
    q.from = "2020-01-01T00:00:00.000001Z";
    CHECK(fields(n.rows("sock_seen", q), "window_start") == std::vector<std::string>{"2020-01-01T00:00:10Z"});
    q.to = "2020-01-01T00:00:10Z";
    CHECK(n.rows("sock_seen", q).empty());
  }
  SECTION("page by page, by key and the newest first") {
    for (const bool newest : {false, true}) {
      row_query q;
      q.page.limit = 2;
      q.newest_first = newest;
      std::vector<json> seen;
      for (int pages = 0; pages < 5; ++pages) {
        const auto page = n.api().view_rows("sock_seen", q);
        REQUIRE(page);
        for (const auto& row : (*page)["items"]) seen.push_back(row);
        if ((*page)["next"].is_null()) break;
        q.page.after = (*page)["next"];
      }
      if (newest) {
        CHECK(seen.front()["window_start"] == "2020-01-01T00:00:10Z");
        CHECK(std::ranges::is_permutation(seen, all));
      } else {
        CHECK(seen == all);
      }
    }
  }
  SECTION("errors name the column and what is allowed") {
    const auto refused = [&](row_query q) {
      const auto r = n.api().view_rows("sock_seen", q);
      return r ? std::string("accepted") : r.error().text();
    };
    CHECK_THAT(refused(keyed({{"window_start", "2020-01-01T00:00:05Z"}})), Catch::Contains("without its column image"));
    CHECK_THAT(refused(keyed({{"seen", "1"}})), Catch::Contains("seen is no key column"));
    CHECK_THAT(refused(keyed({{"image", "Yahoo"}, {"window_start", "soon"}})),
               Catch::Contains("window_start (timestamptz)"));
    row_query q;
    q.page.after = "nonsense";
    CHECK_THAT(refused(q), Catch::Contains("no position"));
    CHECK(n.api().view_rows("nothing", {}).error().code == errc::not_found);
  }
}

TEST_CASE("a node answers SQL over a view's committed rows") {
  running_node n;
  n.settings.limits.sql_result_rows = 3;
  n.start();
  n.apply("socks", camera_sql);
  n.add_file("cam1", "camera", socks);
  // The groups live in both shards, which commit on their own: all five rows, not the one that happens to be last.
  REQUIRE(running_node::comes_true([&] { return (*n.api().get_view("sock_seen"))["rows"] == 5; }));

  const auto sums = n.api().query("SELECT image, sum(seen) AS n FROM sock_seen GROUP BY image ORDER BY n DESC, image");
  REQUIRE(sums);
  CHECK((*sums)["columns"][0] == json{{"name", "image"}, {"type", "text"}});
  CHECK((*sums)["rows"][0] == json{"Google", 3});
  CHECK(!sums->contains("truncated"));

  SECTION("more rows than the limit are cut, and the answer says so") {
    const auto cut = n.api().query("SELECT * FROM sock_seen");
    REQUIRE(cut);
    CHECK((*cut)["rows"].size() == 3);
    CHECK((*cut)["truncated"] == true);
  }
  SECTION("what cannot be asked is an error") {
    CHECK(n.api().query("SELECT nothing FROM sock_seen").error().code == errc::invalid_argument);
    CHECK(!n.api().query("SELECT * FROM nothing"));
  }
}

TEST_CASE("a query over more rows than limits.view_rows is refused") {
  running_node n;
  n.settings.limits.view_rows = 3;
  n.start();
  n.apply("socks", camera_sql);
  n.add_file("cam1", "camera", socks);
  n.add_file("cam2", "camera", socks);
  REQUIRE(running_node::comes_true([&] {
    const auto r = n.api().query("SELECT count(*) FROM sure");
    return !r && r.error().code == errc::limit_exceeded;
  }));
}

TEST_CASE("live rows come from the start, from a token, and from now on") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  auto from_now = follow(n, "sure", "");
  std::atomic<int> wakes{0};
  from_now->on_more([&] { ++wakes; });
  n.add_file("cam1", "camera", socks, {{"follow", "true"}});
  const auto first = read_on(*from_now, 6);
  REQUIRE(first.size() == 6);
  CHECK(
      running_node::comes_true([&] { return wakes > 0; }));  // the rows may be read before the call that tells of them

  auto from_start = follow(n, "sure", "start");
  const auto again = read_on(*from_start, 6);
  REQUIRE(again.size() == 6);
  for (std::size_t i = 0; i < 6; ++i) CHECK(*again[i].json == *first[i].json);
  CHECK(from_start->backlog() == 0);

  const auto token = from_start->token();
  from_start.reset();
  n.write("cam1", {shot(20, "Later")});
  auto resumed = follow(n, "sure", token);
  const auto rest = read_on(*resumed, 1);
  REQUIRE(rest.size() == 1);
  CHECK(json::parse(*rest[0].json)["image"] == "Later");
  CHECK(resumed->next(10)->empty());

  CHECK(n.api().open_live("sock_seen", token).error().code == errc::invalid_argument);
  CHECK(n.api().open_live("sure", "l!!").error().code == errc::invalid_argument);
  CHECK(n.api().open_live("nothing", "").error().code == errc::not_found);
}

TEST_CASE("a live reader that is behind can go to the end") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  auto cursor = follow(n, "sure", "");
  n.add_file("cam1", "camera", socks, {{"follow", "true"}});
  REQUIRE(n.has_rows("sure", 6));
  CHECK(cursor->backlog() >= 6);
  CHECK(cursor->skip_to_end() >= 6);
  CHECK(cursor->backlog() == 0);
  CHECK(cursor->next(10)->empty());
  n.write("cam1", {shot(20, "Later")});
  CHECK(read_on(*cursor, 1).size() == 1);
}

TEST_CASE("a token of a view that was dropped and made anew is refused as gone") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  const auto token = follow(n, "sure", "")->token();
  n.done([&](node_api::reply reply) { n.api().drop_pipeline("socks", std::move(reply)); });
  n.apply("socks", camera_sql);
  CHECK(n.api().open_live("sure", token).error().code == errc::offset_out_of_range);
}

TEST_CASE("streams, sources, views and pipelines show what they are and how they do") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  n.add_file("cam1", "camera", socks);
  REQUIRE(running_node::comes_true([&] { return (*n.api().get_source("cam1"))["state"] == "ended"; }));
  REQUIRE(running_node::comes_true([&] { return (*n.api().get_source("cam1"))["records"] == 8; }));
  REQUIRE(running_node::comes_true([&] { return (*n.api().get_pipeline("socks"))["records"] == 8; }));

  const auto source = *n.api().get_source("cam1");
  CHECK(source["guarantee"] == "exactly once");
  CHECK(source["options"]["path"] == n.folder.path("cam1"));
  const auto stream = *n.api().get_stream("camera");
  CHECK(stream["format"] == "json");
  CHECK(stream["records"] == 8);
  CHECK(stream["columns"].size() == 3);
  const auto view = *n.api().get_view("sock_seen");
  CHECK(view["key"] == json{"image", "window_start"});
  CHECK(view["kind"] == "append");
  CHECK(view["pipeline"] == "socks");
  const auto pipeline = *n.api().get_pipeline("socks");
  CHECK(pipeline["state"] == "running");
  CHECK(pipeline["lag"] == 0);
  CHECK(pipeline["views"].size() == 3);
  const auto status = n.api().node_status();
  CHECK(status["version"] == "0.0.1");
  CHECK(status["shards"].size() == 2);
  CHECK(status["shards"][0]["state"] == "running");
  CHECK(status["counts"]["sources"] == 1);
  CHECK(n.api().live().ok);
  CHECK(n.api().ready().ok);
  CHECK(n.api().list_views().size() == 3);
  const auto text = n.api().metrics_text();
  CHECK_THAT(text, Catch::Contains(R"(weir_source_records_total{source="cam1",stream="camera"} 8)"));
  CHECK_THAT(text, Catch::Contains("weir_shard_commits_total"));
}

TEST_CASE("sources are listed by name, page by page, also while they come and go") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  for (const auto* name : {"d", "b", "a", "c"}) n.add_file(name, "camera", {});
  std::vector<std::string> names;
  const auto read = [&](const page_request& page) {
    const auto list = n.api().list_sources(page);
    for (const auto& s : list["items"]) names.push_back(s["name"]);
    return list["next"];
  };
  auto next = read({2, ""});
  CHECK(next == "b");
  n.done([&](node_api::reply reply) { n.api().remove_source("b", std::move(reply)); });
  next = read({1, next});
  CHECK(next == "c");
  CHECK(read({1, next}).is_null());
  CHECK(names == std::vector<std::string>{"a", "b", "c", "d"});
  CHECK(read({100, "d"}).is_null());
  CHECK(names.size() == 4);
}

TEST_CASE("the records of a stream are listed from the newest page back") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  n.add_file("cam1", "camera", socks);
  n.add_file("cam2", "camera", {shot(1, "Other")});
  std::vector<std::string> seen;
  const auto read = [&] {
    seen.clear();
    page_request page{3, ""};
    for (;;) {
      const auto r = n.api().stream_records("camera", page);
      if (!r) FAIL(r.error().text());
      for (const auto& item : (*r)["items"]) seen.push_back(item["record"]);
      if ((*r)["next"].is_null()) return;
      page.after = (*r)["next"];
    }
  };
  REQUIRE(running_node::comes_true([&] {
    read();
    return seen.size() >= 9;
  }));
  auto expected = socks;
  expected.push_back(shot(1, "Other"));
  std::sort(expected.begin(), expected.end());
  auto sorted = seen;
  std::sort(sorted.begin(), sorted.end());
  CHECK(sorted == expected);
  std::erase(seen, shot(1, "Other"));
  CHECK(seen == std::vector<std::string>(socks.rbegin(), socks.rend()));
}
