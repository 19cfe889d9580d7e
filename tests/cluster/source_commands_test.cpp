#include <catch2/catch.hpp>
#include <random>

#include "tests/cluster/control_fixture.hpp"

using namespace weir;

namespace {
struct sources_fixture : control_fixture {
  sources_fixture() { take(apply("socks", socks_sql)); }
};
}  // namespace

TEST_CASE_METHOD(sources_fixture, "sources listed together are added together") {
  CHECK(take(add_sources(*plan, {source_of("a"), source_of("b.1")})) == 2);
  CHECK(state.sources.at("a").incarnation == 1);
  CHECK(take(add_sources(*plan, {source_of("a"), source_of("c")})) == 1);
}

TEST_CASE_METHOD(sources_fixture, "one refused source refuses all of its list") {
  CHECK(mentions(refused(add_sources(*plan, {source_of("a"), source_of("b", "nowhere")})), "streams: camera"));
  CHECK(refused(add_sources(*plan, {source_of("a"), source_of("a")})).code == errc::conflict);
  source_record other = source_of("x");
  take(add_sources(*plan, {other}));
  other.options.insert_or_assign("rate", "4");
  const error e = refused(add_sources(*plan, {source_of("y"), other}));
  CHECK(e.code == errc::conflict);
  CHECK(mentions(e, "remove it first"));
}

TEST_CASE_METHOD(sources_fixture, "source names and options outside the rules are refused") {
  for (const std::string& name :
       {std::string(), std::string("a b"), std::string("a/b"), std::string(".a"), std::string(129, 'x')}) {
    CHECK(refused(add_sources(*plan, {source_of(name)})).code == errc::invalid_argument);
  }
  source_record odd = source_of("a");
  odd.options.insert_or_assign("path", "\xff");
  CHECK(refused(add_sources(*plan, {odd})).code == errc::invalid_argument);
  odd.options["path"] = std::string(70'000, 'x');
  CHECK(refused(add_sources(*plan, {odd})).code == errc::limit_exceeded);
  control_limits limits;
  limits.sources = 1;
  CHECK(mentions(refused(add_sources(*plan, {source_of("a"), source_of("b")}, limits)), "limits.sources = 1"));
}

TEST_CASE_METHOD(sources_fixture, "a source that runs again has a higher incarnation") {
  take(add_sources(*plan, {source_of("a")}));
  CHECK(take(set_source_state(*plan, "a", run_state::paused)) == 1);
  CHECK(take(set_source_state(*plan, "a", run_state::paused)) == 0);
  take(set_source_state(*plan, "a", run_state::running));
  CHECK(state.sources.at("a").incarnation == 2);
  take(remove_source(*plan, "a"));
  CHECK(refused(remove_source(*plan, "a")).code == errc::not_found);
  CHECK(refused(set_source_state(*plan, "a", run_state::paused)).code == errc::not_found);
  take(add_sources(*plan, {source_of("a")}));
  CHECK(state.sources.at("a").incarnation == 3);
}

TEST_CASE_METHOD(sources_fixture, "no sequence of commands brings an incarnation of a source back") {
  std::mt19937_64 random(6);
  const std::vector<std::string> names{"a", "b", "c"};
  std::map<std::string, std::uint64_t> last;
  std::map<std::string, bool> ran;
  for (int round = 0; round < 3'000; ++round) {
    const std::string name = names[random() % names.size()];
    const bool exists = state.sources.contains(name);
    switch (random() % 4) {
      case 0: take(add_sources(*plan, {source_of(name)})); break;
      case 1:
        if (exists) take(remove_source(*plan, name));
        break;
      case 2:
        if (exists) take(set_source_state(*plan, name, run_state::paused));
        break;
      default:
        if (exists) take(set_source_state(*plan, name, run_state::running));
        break;
    }
    const auto it = state.sources.find(name);
    const bool runs = it != state.sources.end() && it->second.state == run_state::running;
    if (runs && !ran[name]) REQUIRE(it->second.incarnation > last[name]);
    if (runs) last[name] = it->second.incarnation;
    ran[name] = runs;
  }
}
