// What people do to a node: sources, pipelines, dead letters; and that a restart keeps all of it.
#include "tests/actors/running_node.hpp"

using namespace weir;
using namespace weir::testing;
using nlohmann::json;

namespace {

json state_of(running_node& n, const std::string& source) { return (*n.api().get_source(source))["state"]; }

std::vector<json> letters(running_node& n, const std::string& name, bool late = false) {
  auto page = n.api().dead_letters(name, late, {100, ""});
  if (!page) FAIL(page.error().text());
  return (*page)["items"];
}

}  // namespace

TEST_CASE("a source is paused, resumed and removed while the node runs") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  n.add_file("cam1", "camera", {shot(1, "A")}, {{"follow", "true"}});
  REQUIRE(n.has_rows("sure", 1));

  n.done([&](node_api::reply r) { n.api().set_source_paused("cam1", true, std::move(r)); });
  CHECK(state_of(n, "cam1") == "paused");
  n.write("cam1", {shot(2, "B")});
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  CHECK(n.rows("sure").size() == 1);

  n.done([&](node_api::reply r) { n.api().set_source_paused("cam1", false, std::move(r)); });
  CHECK(n.has_rows("sure", 2));

  n.done([&](node_api::reply r) { n.api().remove_source("cam1", std::move(r)); });
  CHECK(n.api().get_source("cam1").error().code == errc::not_found);
  CHECK(n.answer([&](node_api::reply r) { n.api().remove_source("cam1", std::move(r)); }).error().code ==
        errc::not_found);
  CHECK(n.rows("sure").size() == 2);
}

TEST_CASE("a source that cannot be is refused with the reason") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  const auto refused = [&](source_request s) {
    const auto r = n.answer([&](node_api::reply reply) { n.api().add_sources({s}, std::move(reply)); });
    return r ? std::string("accepted") : r.error().text();
  };
  CHECK_THAT(refused({"a", "nothing", "file", {{"path", n.folder.path("x")}}}), Catch::Contains("no stream nothing"));
  CHECK_THAT(refused({"a", "camera", "telepathy", {}}), Catch::Contains("telepathy"));
  CHECK_THAT(refused({"a", "camera", "retry", {}}), Catch::Contains("no connector"));
  CHECK_THAT(refused({"a", "camera", "file", {{"path", "/etc/passwd"}}}), Catch::Contains("allow"));
  CHECK(n.api().list_sources({})["items"].empty());
}

TEST_CASE("a pipeline is applied once, refused when it differs, replaced, dropped and applied anew") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  n.apply("socks", camera_sql);
  const std::string views = "CREATE MATERIALIZED VIEW few AS SELECT image FROM camera WHERE image <> 'Blank';";
  n.apply("more", views);
  n.add_file("cam1", "camera", {shot(1, "A"), shot(2, "Blank")});
  REQUIRE(n.has_rows("few", 1));

  const std::string with_all = views + "CREATE MATERIALIZED VIEW b AS SELECT image FROM camera;";
  const auto other =
      n.answer([&](node_api::reply r) { n.api().apply_pipeline({"more", with_all, false, true}, std::move(r)); });
  REQUIRE(!other);
  CHECK(other.error().code == errc::conflict);
  n.done([&](node_api::reply r) { n.api().apply_pipeline({"more", with_all, true, true}, std::move(r)); });
  CHECK(n.has_rows("b", 2));
  CHECK(n.has_rows("few", 1));
  n.done([&](node_api::reply r) { n.api().apply_pipeline({"more", views, true, true}, std::move(r)); });
  CHECK(n.api().view_rows("b", {}).error().code == errc::not_found);
  // Its topics go once every shard has let go of it; then its name is free.
  REQUIRE(running_node::comes_true([&] {
    return n.answer([&](node_api::reply r) { n.api().apply_pipeline({"more", with_all, true, true}, std::move(r)); })
        .has_value();
  }));
  CHECK(n.has_rows("b", 2));
  const auto in_use = n.answer([&](node_api::reply r) { n.api().drop_pipeline("socks", std::move(r)); });
  REQUIRE(!in_use);
  CHECK(in_use.error().code == errc::conflict);

  n.done([&](node_api::reply r) { n.api().drop_pipeline("more", std::move(r)); });
  CHECK(n.api().view_rows("few", {}).error().code == errc::not_found);
  n.apply("more", views);
  CHECK(n.has_rows("few", 1));
}

TEST_CASE("SQL is checked without being applied") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  const auto good = n.api().validate_sql(
      "CREATE MATERIALIZED VIEW v AS SELECT window_start, image, count(*) AS n FROM tumble(camera, "
      "interval '1 second') GROUP BY window_start, image;");
  INFO(good.dump());
  CHECK(good["ok"] == true);
  REQUIRE(good["plan"].size() == 1);
  CHECK_THAT(good["plan"][0].get<std::string>(), Catch::Contains("shuffled"));
  const auto bad = n.api().validate_sql("CREATE MATERIALIZED VIEW v AS SELECT imge FROM camera;");
  CHECK(bad["ok"] == false);
  CHECK_THAT(bad["errors"][0]["message"].get<std::string>(), Catch::Contains("imge"));
  CHECK(n.api().list_pipelines().size() == 1);
}

TEST_CASE("a dead letter is listed, shown, corrected and sent again") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  n.add_file("cam1", "camera",
             {shot(1, "A"), R"({"taken":"2020-01-01T00:00:02Z","imag":"B","probability":0.9})", "\x80\x81"},
             {{"follow", "true"}});
  REQUIRE(running_node::comes_true([&] { return letters(n, "camera").size() == 2; }));
  const auto listed = letters(n, "camera");
  CHECK(listed[0]["record_base64"] == "gIE=");
  const std::string id = listed[1]["id"];
  CHECK_THAT(listed[1]["reason"].get<std::string>(), Catch::Contains("image"));
  CHECK(listed[1]["source"] == "cam1");
  CHECK(*n.api().get_dead_letter("camera", id) == listed[1]);
  CHECK(n.api().get_dead_letter("camera", "9-0").error().code == errc::invalid_argument);
  CHECK(n.api().get_dead_letter("camera", "0-999999").error().code == errc::not_found);

  const auto retry = [&](std::optional<std::string> record) {
    return n.answer([&](node_api::reply r) { n.api().retry_dead_letter("camera", id, record, std::move(r)); });
  };
  const auto unchanged = retry(std::nullopt);
  REQUIRE(!unchanged);
  CHECK(unchanged.error().code == errc::invalid_argument);
  for (int i = 0; i < 3; ++i) {
    const auto sent = retry(shot(2 + i, "Mended"));
    if (!sent) FAIL(sent.error().text());
    CHECK((*sent)["source"] == "retry.camera");
  }
  REQUIRE(n.has_rows("sure", 4));
  CHECK(letters(n, "camera").size() == 2);
  n.write("cam1", {shot(20, "Later")});
  REQUIRE(n.has_rows("sock_seen", 2));  // the retry source holds back no window
  CHECK(n.api().query("SELECT seen FROM sock_seen WHERE image = 'Mended'")->at("rows") == json{{3}});
  CHECK(n.answer([&](node_api::reply r) { n.api().set_source_paused("retry.camera", false, std::move(r)); })
            .error()
            .code == errc::invalid_argument);
  CHECK(n.api().ready().ok);
}

TEST_CASE("a dead letter of CSV comes back with the header that it was read with") {
  running_node n;
  n.start();
  n.apply("weather", R"(
    CREATE TABLE reports (station text NOT NULL, degrees double precision NOT NULL) WITH (format = 'csv');
    CREATE MATERIALIZED VIEW warm AS SELECT station, degrees FROM reports WHERE degrees > 20;)");
  n.add_file("station", "reports", {"degrees,station", "25,a", "hot,b"});
  REQUIRE(running_node::comes_true([&] { return letters(n, "reports").size() == 1; }));
  const std::string id = letters(n, "reports")[0]["id"];
  n.done([&](node_api::reply r) { n.api().retry_dead_letter("reports", id, "30,b", std::move(r)); });
  REQUIRE(n.has_rows("warm", 2));
  CHECK(n.api().query("SELECT degrees FROM warm WHERE station = 'b'")->at("rows") == json{{30.0}});
}

TEST_CASE("late records are listed by view") {
  running_node n(1);
  n.start();
  n.apply("socks", camera_sql);
  n.add_file("cam1", "camera", {shot(1, "A"), shot(20, "A"), shot(2, "Late")});
  REQUIRE(running_node::comes_true([&] { return letters(n, "sock_seen", true).size() == 1; }));
  const auto late = letters(n, "sock_seen", true)[0];
  CHECK(late["record"] == shot(2, "Late"));
  CHECK(late["event_time"] == "2020-01-01T00:00:02Z");
  CHECK(n.api().dead_letters("camera", true, {10, ""}).error().code == errc::invalid_argument);
  CHECK(n.answer([&](node_api::reply r) { n.api().retry_dead_letter("sock_seen", "0-0", std::nullopt, std::move(r)); })
            .error()
            .code == errc::unsupported);
}

TEST_CASE("a restart keeps everything and goes on exactly once") {
  running_node n;
  n.start();
  n.apply("socks", camera_sql);
  std::vector<std::string> first, second;
  for (int i = 0; i < 200; ++i) first.push_back(shot(i * 0.1, fmt::format("i{}", i)));
  for (int i = 200; i < 400; ++i) second.push_back(shot(i * 0.1, fmt::format("i{}", i)));
  n.add_file("cam1", "camera", first, {{"follow", "true"}});
  auto cursor = n.api().open_live("sure", "start");
  REQUIRE(cursor);
  std::size_t read = 0;
  REQUIRE(running_node::comes_true([&] { return (read += (*cursor)->next(7)->size()) >= 50; }));
  const auto token = (*cursor)->token();
  cursor->reset();
  REQUIRE(n.has_rows("sure", 200));
  REQUIRE(n.has_rows("totals", 200));
  const auto totals = n.rows("totals");

  n.restart();
  CHECK(n.rows("sure").size() == 200);
  CHECK(n.rows("totals") == totals);
  n.write("cam1", second);
  REQUIRE(n.has_rows("sure", 400));
  for (const auto& row : n.rows("totals")) CHECK(row["seen"] == 1);
  auto resumed = n.api().open_live("sure", token);
  REQUIRE(resumed);
  REQUIRE(running_node::comes_true([&] { return (read += (*resumed)->next(100)->size()) >= 400; }));
  CHECK((*resumed)->next(100)->empty());
  CHECK(read == 400);
}
