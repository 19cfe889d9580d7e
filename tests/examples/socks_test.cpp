// The socks use: one Google in the recorded sequence, a sock that is held long, pairs.
#include "runtime/time/timestamp.hpp"
#include "tests/examples/example_runs.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

const std::string recorded_sql = "examples/socks/recorded.sql";
const texts recorded_views{"recorded_seen", "recorded_runs", "recorded_pairs", "recorded_run_pairs"};
const std::string sequence = "../shared/data/socks/sequence.ndjson";

std::map<std::string, texts> run_recorded(const std::vector<scripted_source>& sources, int shards, std::uint64_t seed) {
  return run_example(recorded_sql, sources, recorded_views, shards, seed, 5);
}

// A camera that sees `image` from `first` to `last` second of 2020-01-01, every 250 ms.
void hold(scripted_source& camera, const std::string& image, double first, double last) {
  constexpr std::int64_t day = 1'577'836'800'000'000;
  for (double t = first; t <= last; t += 0.25)
    camera.records.push_back(fmt::format(R"({{"arrival":"{}","image":"{}","probability":{}}})",
                                         format_timestamp(day + static_cast<std::int64_t>(t * 1e6)), image,
                                         90 + t / 100));
}

}  // namespace

TEST_CASE("the recorded sequence yields exactly one sock, a Google, and it has no partner") {
  if (sample_is_absent(sequence)) return;
  const auto camera = file_source("camera-1", "recording", sequence, "ndjson");
  for (const int shards : {1, 4, 7}) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      const auto rows = run_recorded({camera}, shards, seed);
      CHECK(rows.at("recorded_seen") ==
            texts{R"({"window_start":"2020-01-01T18:10:50Z","image":"Google","seen":9,"best":null})"});
      CHECK(rows.at("recorded_runs") ==
            texts{R"({"window_start":"2020-01-01T18:10:52.500Z","window_end":"2020-01-01T18:10:57.833Z",)"
                  R"("image":"Google","seen":9,"best":null})"});
      CHECK(rows.at("recorded_pairs") == texts{R"({"image":"Google","socks":1,"pairing":"Un-matched"})"});
      CHECK(rows.at("recorded_run_pairs") == texts{R"({"image":"Google","socks":1,"pairing":"Un-matched"})"});
    }
  }
}

TEST_CASE("a sock that is held for 12 s is one run, though several windows see it") {
  scripted_source camera{"camera-1", "recording", {}};
  hold(camera, "Mongo", 1, 13);
  const auto rows = run_recorded({camera}, 4, 1);
  CHECK(rows.at("recorded_seen").size() == 3);
  CHECK(rows.at("recorded_runs") ==
        texts{R"({"window_start":"2020-01-01T00:00:01Z","window_end":"2020-01-01T00:00:16Z",)"
              R"("image":"Mongo","seen":49,"best":90.13})"});
  CHECK(rows.at("recorded_run_pairs") == texts{R"({"image":"Mongo","socks":1,"pairing":"Un-matched"})"});
}

TEST_CASE("an even number of socks is a pair; ghosts and the empty belt are no socks") {
  scripted_source camera{"camera-1", "recording", {}}, other{"camera-2", "recording", {}};
  hold(camera, "Google", 0, 1);
  hold(camera, "Blank", 1.5, 8);
  hold(camera, "Google", 10, 11);
  hold(camera, "Streamsets", 12, 12.5);  // 3 detections: a ghost
  hold(camera, "Confluent", 20, 21);
  hold(camera, "Confluent", 30, 31);
  hold(camera, "Confluent", 40, 41);
  hold(other, "Github", 0, 30);  // one sock, held over many windows
  for (const int shards : {1, 4, 7}) {
    const auto rows = run_recorded({camera, other}, shards, 2);
    CHECK(rows.at("recorded_run_pairs") == texts{R"({"image":"Confluent","socks":3,"pairing":"Un-matched"})",
                                                 R"({"image":"Github","socks":1,"pairing":"Un-matched"})",
                                                 R"({"image":"Google","socks":2,"pairing":"Pair"})"});
    // Windows count the held sock once in each: why runs are the better answer.
    CHECK(rows.at("recorded_pairs") == texts{R"({"image":"Confluent","socks":3,"pairing":"Un-matched"})",
                                             R"({"image":"Github","socks":6,"pairing":"Pair"})",
                                             R"({"image":"Google","socks":2,"pairing":"Pair"})"});
  }
}

TEST_CASE("live cameras count by arrival, and what is no detection becomes a dead letter") {
  scripted_source camera{"camera-1", "camera", {"Hello from deeplens"}};
  for (int i = 0; i < 8; ++i) camera.records.push_back(R"({"image":"Google","probability":97.314453125})");
  temp_folder folder;
  sim_log log;
  sim_node_options o;
  o.shards = 4;
  o.chunk_records = 50;
  sim_node node(log, folder.path("state"), o, {{"socks", file_text("examples/socks/socks.sql")}}, {camera});
  CHECK(node.run_to_rest());
  const auto& views = node.control().plan()->names.views;
  CHECK(topic_values(log, topic::dead("weir", "camera"), 4) == texts{"Hello from deeplens"});
  CHECK(final_rows(log, "weir", views.at("sock_run_pairs"), 4) ==
        texts{R"({"image":"Google","socks":1,"pairing":"Un-matched"})"});
}
