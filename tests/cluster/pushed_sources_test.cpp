#include "cluster/pushed_sources.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "tests/cluster/control_fixture.hpp"

using namespace weir;

namespace {

struct pushed_fixture : control_fixture {
  pushed_fixture() { take(apply("socks", socks_sql)); }
  answer open(std::string_view source, const control_limits& limits = {}) const {
    return open_pushed_source(*plan, "camera", source, limits);
  }
};

}  // namespace

TEST_CASE_METHOD(pushed_fixture, "a source that a request names opens with it, once") {
  CHECK(take(open("cam1")) == 1);
  CHECK(state.sources.at("cam1").connector == "http");
  CHECK(state.sources.at("cam1").stream == "camera");
  CHECK(take(open("cam1")) == 0);
}

TEST_CASE_METHOD(pushed_fixture, "all virtual sources open together, and again those that were removed") {
  CHECK(take(open(virtual_source_name("camera", 3))) == virtual_sources);
  CHECK(take(open(virtual_source_name("camera", 9))) == 0);
  take(remove_source(*plan, virtual_source_name("camera", 9)));
  CHECK(take(open(virtual_source_name("camera", 3))) == 0);
  CHECK(take(open(virtual_source_name("camera", 9))) == 1);
}

TEST_CASE_METHOD(pushed_fixture, "a name that belongs to another source, or a paused one, is a conflict") {
  take(add_sources(*plan, {source_of("reads")}));
  CHECK(refused(open("reads")).code == errc::conflict);
  take(open("cam1"));
  take(set_source_state(*plan, "cam1", run_state::paused));
  const error e = refused(open("cam1"));
  CHECK(e.code == errc::conflict);
  CHECK(mentions(e, "weir source resume cam1"));
}

TEST_CASE_METHOD(pushed_fixture, "sources that open by themselves count against limits.sources") {
  control_limits limits;
  limits.sources = 15;
  CHECK(refused(open(virtual_source_name("camera", 0), limits)).code == errc::limit_exceeded);
  CHECK(take(open("cam1", limits)) == 1);
  limits.sources = 1;
  CHECK(refused(open("cam2", limits)).code == errc::limit_exceeded);
  CHECK(refused(open("no name")).code == errc::invalid_argument);
}

TEST_CASE("the virtual sources of a stream are a group, and no other source is in it") {
  source_record source;
  source.stream = "camera";
  source.connector = http_connector;
  for (int i = 0; i < virtual_sources; ++i) {
    source.name = virtual_source_name("camera", i);
    CHECK(virtual_group_of(source) == "post.camera");
  }
  for (const auto* name : {"post.camera.16", "post.camera.-1", "post.camera.01", "post.camera.1x", "post.camera.",
                           "post.camera", "post.cam.1", "cam1", ""}) {
    source.name = name;
    CHECK(virtual_group_of(source).empty());
  }
  source.name = virtual_source_name("camera", 1);
  source.connector = "file";
  CHECK(virtual_group_of(source).empty());
}

TEST_CASE("a key has the same virtual source on any number of shards, and keys spread over all of them") {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    const auto key = std::to_string(i);
    const auto source = virtual_source_of("camera", key, 1);
    CHECK(virtual_source_of("camera", key, 7) == source);
    seen.insert(source);
  }
  CHECK(seen.size() == virtual_sources);
}
