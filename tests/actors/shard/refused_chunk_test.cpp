// A chunk that finds ingest's queue full.
#include <catch2/catch.hpp>

#include "runtime/log/sim_log.hpp"
#include "tests/support/sim_node.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

TEST_CASE("what a source sends behind a refused chunk is refused too, so that nothing enters over a gap") {
  temp_folder folder;
  sim_log log;
  sim_node_options o;
  o.shard.ingest_queue_bytes = 10;
  sim_node node(log, folder.path("state"), o, {{"p", "CREATE TABLE readings (v bigint) WITH (format = 'json');"}},
                {scripted_source{"meter", "readings", {R"({"v":0})"}}});
  node.hold_source("meter", true);
  const auto until = [&](auto&& true_now) {
    for (int i = 0; i < 100'000 && !true_now(); ++i)
      if (!node.step()) node.pass_time(1'000);
    return true_now();
  };
  std::optional<source_attachment> attached;
  REQUIRE(until([&] { return attached || (attached = node.at(0).attach("meter")); }));
  std::map<int, std::string> answers;
  const auto offer = [&](int n) {
    offered_chunk c;
    c.source = "meter";
    c.session = attached->session;
    c.chunk.records.append(fmt::format(R"({{"v":{}}})", n) + std::string(20, ' '));
    c.chunk.position = std::to_string(n);
    c.accepted = [&answers, n](status taken) { answers[n] = taken ? "accepted" : "refused"; };
    node.at(0).offer(std::move(c), node.now_us());
  };
  offer(1);
  offer(2);
  CHECK(answers[2] == "refused");
  REQUIRE(until([&] { return !answers[1].empty(); }));
  CHECK(answers[1] == "accepted");
  offer(3);
  CHECK(answers[3] == "refused");
  attached.reset();
  REQUIRE(until([&] { return attached || (attached = node.at(0).attach("meter")); }));
  CHECK(attached->position == "1");
}
