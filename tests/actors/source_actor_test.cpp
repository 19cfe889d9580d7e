// The source actor between a connector and a shard that a test plays: who is told of which commit.
#include "actors/source_actor.hpp"

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "actors/net/io_thread.hpp"
#include "actors/node.hpp"
#include "actors/node_inside.hpp"
#include "runtime/fault/protocol_rules.hpp"
#include "tests/actors/source/mqtt/scripted_broker.hpp"

using namespace weir;
using namespace weir::mqtt_test;

namespace {

// Keeps what is offered; a test accepts and commits it.
struct played_shard {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<chunk_ptr> offers;
  std::uint64_t sessions = 0;

  chunk_ptr offer(std::size_t n) {
    std::unique_lock lock(mutex);
    INFO("offer " << n << " comes");
    REQUIRE(changed.wait_for(lock, std::chrono::seconds(60), [&] { return offers.size() > n; }));
    return offers[n];
  }
};

shard_actor::behavior_type play(shard_actor::pointer, std::shared_ptr<played_shard> in) {
  return {[](plan_atom, const plan_ptr&) {},
          [in](offer_atom, const chunk_ptr& chunk) {
            std::lock_guard lock(in->mutex);
            in->offers.push_back(chunk);
            in->changed.notify_all();
          },
          [in](attach_atom, const std::string&) -> attachment_ptr {
            std::lock_guard lock(in->mutex);
            return std::make_shared<const source_attachment>(source_attachment{++in->sessions, 1, {}});
          },
          [](wake_atom) {},
          [](grown_atom, const std::string&, std::int64_t) {},
          [](advise_atom, const std::string&, const clock_advice_ptr&) {},
          [](report_atom, const report_promise&) {},
          [](drain_atom) {},
          [](timer_atom) {}};
}

struct bench {
  bench() {
    source_setup setup;
    setup.spec = {"s", "t", "mqtt", {{"url", "mqtt://" + broker.address()}, {"topic", "in/#"}}};
    setup.context.stream_format = {"json", {}};
    setup.context.now_us = &wall_clock_us;
    setup.context.mqtt.brokers = {broker.address()};
    setup.context.mqtt.network = network;
    setup.credit = 8;
    setup.patience = std::chrono::seconds(60);
    const auto handle = system.spawn(play, shard);
    setup.shard = [handle] { return handle; };
    setup.pool = &pool;
    setup.board = &board;
    source = caf::actor_cast<caf::actor>(system.spawn(source_behavior, setup));
  }
  ~bench() {
    caf::anon_send_exit(source, caf::exit_reason::kill);
    source = {};
    static_cast<void>(pool.stop(std::chrono::seconds(60)));  // its jobs refer to the actor
  }
  // A message on its way to the shard, accepted there.
  chunk_ptr deliver(std::string_view payload, int id, std::size_t n) {
    broker.write(publish(version::v5, "in/a", payload, id));
    auto offered = shard->offer(n);
    REQUIRE(offered->chunk.records.size() == 1);
    CHECK(offered->chunk.records[0] == payload);
    offered->accepted({});
    return offered;
  }

  scripted_broker broker;
  std::shared_ptr<io_thread> network = std::make_shared<io_thread>();
  std::shared_ptr<played_shard> shard = std::make_shared<played_shard>();
  worker_pool pool{pool_options{2, std::chrono::seconds(60), 2}};
  source_board board;
  actor_config settings;
  caf::actor_system system{settings};
  caf::actor source;
};

// The first acknowledgement on a new connection after a chunk of the old one, then the second of the new one, have been
// committed: 8, if only that.
int first_acknowledged_after_a_late_commit() {
  bench b;
  b.broker.serve();
  const auto of_the_old = b.deliver("old", 7, 0);
  caf::anon_send(b.source, refused_atom::value, std::string());  // attach again
  b.broker.serve();
  const auto first = b.deliver("new", 7, 1);
  const auto second = b.deliver("newer", 8, 2);
  of_the_old->committed();
  second->committed();
  const int acknowledged = b.broker.read_acknowledgement();
  first->committed();
  return acknowledged;
}

}  // namespace

TEST_CASE("rule 26: a commit of an older session acknowledges nothing on the new connection") {
  CHECK(first_acknowledged_after_a_late_commit() == 8);
  rule_switched_off off(26);
  CHECK(first_acknowledged_after_a_late_commit() != 8);
}

TEST_CASE("what a former connector still brings is not taken for the present one's") {
  bench b;
  b.broker.serve();
  std::promise<void> go_on;
  const auto held = go_on.get_future().share();
  b.deliver("old", 7, 0);
  for (int i = 0; i < 2; ++i) b.pool.post({[held] { held.wait(); }, [] {}, {}});  // the next pull waits
  b.broker.write(publish(version::v5, "in/a", "of the old connection", 8));
  caf::anon_send(b.source, taken_atom::value);
  caf::anon_send(b.source, refused_atom::value, std::string());  // attach again
  b.broker.serve();
  go_on.set_value();
  b.deliver("new", 7, 1);
  CHECK(b.board.all()["s"].last_error.empty());
}

TEST_CASE("asked to end, a source that acknowledges waits for the commits of what it has handed over") {
  bench b;
  b.broker.serve();
  const auto one = b.deliver("a", 1, 0), two = b.deliver("b", 2, 1);
  one->committed();
  CHECK(b.broker.read_acknowledgement() == 1);
  caf::anon_send_exit(b.source, caf::exit_reason::user_shutdown);
  two->committed();
  CHECK(b.broker.read_acknowledgement() == 2);
  CHECK(b.broker.read().type() == mqtt::packet_type::disconnect);
  CHECK(b.broker.closed_by_client());
}

TEST_CASE("a source shows that it connects, that it runs, and why it failed") {
  bench b;
  const auto comes = [&](const std::string& state) {
    for (int i = 0; i < 6'000; ++i) {
      if (b.board.all()["s"].state == state) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  };
  CHECK(comes("connecting"));
  b.broker.serve();
  b.deliver("a", 1, 0)->committed();
  CHECK(comes("running"));
  CHECK(b.broker.read_acknowledgement() == 1);
  b.broker.hang_up();
  CHECK(comes("failed"));
  CHECK(b.board.all()["s"].last_error.find("mqtt://127.0.0.1:") == 0);
}

TEST_CASE("a source that took all rests until shortly before the next half of the commit interval") {
  constexpr std::int64_t interval_us = 100'000, half_us = interval_us / 2, before_us = 2'500;
  for (std::int64_t now = 1'700'000'000'000'000; now < 1'700'000'000'200'000; now += 700) {
    const auto next = next_pull_us(now, interval_us);
    CHECK(next > now);
    CHECK(next <= now + half_us);
    CHECK((next + before_us) % half_us == 0);
  }
  CHECK(next_pull_us(12'345, 0) == 12'345);
  CHECK(next_pull_us(12'345, 5'000) == 12'345);
}
