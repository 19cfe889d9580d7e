#include "tools/weir_simulate/simulation.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <mutex>

using namespace weir;
using namespace weir::simulate;

namespace {

// Keeps what was sent, by instrument.
struct inbox {
  std::mutex mutex;
  std::map<std::uint64_t, std::string> lines;
  std::uint64_t refuse_from = ~std::uint64_t{0};  // batch number
};

class to_inbox final : public delivery {
 public:
  explicit to_inbox(inbox& to) : to_(to) {}
  result<delivered> send(const record_batch& batch) override {
    const std::lock_guard lock(to_.mutex);
    if (batch.number >= to_.refuse_from) return fail(errc::not_found, "there is no stream");
    to_.lines[batch.instrument] += batch.lines;
    return delivered{batch.count, 0, 0};
  }

 private:
  inbox& to_;
};

simulation_options sock_cameras(std::uint64_t instruments, std::uint64_t count) {
  simulation_options o;
  o.kind = instrument_kinds().data();
  o.instruments = instruments;
  o.count = count;
  o.batch = 7;
  return o;
}

simulation_summary run_into(inbox& to, const simulation_options& o, bool stop = false) {
  const std::atomic<bool> stopped{stop};
  return run(
      o, [&](std::uint64_t) { return std::make_unique<to_inbox>(to); }, stopped);
}

}  // namespace

TEST_CASE("the instruments share the count, and each sends its own records in order") {
  inbox to;
  const auto sum = run_into(to, sock_cameras(3, 100));
  CHECK(sum.sent == 100);
  CHECK(sum.accepted == 100);
  CHECK(sum.latency_ms.size() == sum.batches);
  CHECK(sum.latency(0.5) <= sum.latency(0.99));
  REQUIRE(to.lines.size() == 3);
  std::string expected;
  simulation_settings settings;
  settings.seed = 2;  // of instrument 1
  const auto camera = instrument_kinds().front().make(settings);
  for (std::uint64_t i = 0; i < 33; ++i) {
    camera->append(i, expected);
    expected += '\n';
  }
  CHECK(to.lines[1] == expected);
}

TEST_CASE("the same run sends the same bytes again") {
  inbox first, second;
  run_into(first, sock_cameras(2, 50));
  run_into(second, sock_cameras(2, 50));
  CHECK(first.lines == second.lines);
}

TEST_CASE("a rate spreads the records over time, and the time ends them") {
  inbox to;
  auto o = sock_cameras(1, 0);
  o.rate = 140;  // a batch every 50 ms
  o.time = std::chrono::milliseconds(240);
  const auto sum = run_into(to, o);
  CHECK(sum.batches >= 1);
  CHECK(sum.batches <= 5);
  CHECK(sum.seconds < 30);
}

TEST_CASE("an instrument that is refused stops and says why") {
  inbox to;
  to.refuse_from = 1;
  const auto sum = run_into(to, sock_cameras(2, 100));
  CHECK(sum.sent == 14);
  CHECK(sum.problems == std::vector<std::string>(2, "there is no stream"));
}

TEST_CASE("Ctrl-C ends the instruments before their next batch") {
  inbox to;
  CHECK(run_into(to, sock_cameras(2, 100), true).sent == 0);
}
