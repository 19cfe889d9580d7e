#include "actors/supervisor.hpp"

#include <catch2/catch.hpp>

#include "caf/scheduler/test_coordinator.hpp"
#include "tests/support/sim_system.hpp"

using namespace weir;
using namespace std::chrono_literals;

namespace {

// A child that counts its starts and ends when it is told how.
struct puppet {
  int starts = 0;
  caf::actor running;

  child_spec spec(std::string name) {
    return {std::move(name), [this](caf::actor_system& system) {
              ++starts;
              running = system.spawn([](caf::event_based_actor* self) -> caf::behavior {
                return {[self](int how) {
                  if (how == 0) self->quit();
                  if (how == 1) self->quit(caf::sec::runtime_error);
                  if (how == 2) throw std::runtime_error("a defect");
                }};
              });
              return running;
            }};
  }
  void end(int how) { caf::anon_send(running, how); }
};

struct watched {
  explicit watched(restart_strategy strategy, bool escalate = true, int budget = 3) {
    supervisor_options o;
    o.name = "test";
    o.strategy = strategy;
    o.escalate = escalate;
    o.limits = {budget, 60'000ms, 100ms, 1'000ms};
    o.children = {first.spec("first"), second.spec("second")};
    o.on_failure = [this](const std::string& child, const std::string&,
                          std::optional<std::chrono::milliseconds> delay) {
      failed = child;
      waits = delay;
    };
    handle = sim.spawn(supervisor, std::move(o));
    sim.drain();
  }
  ~watched() {
    first.running = nullptr;
    second.running = nullptr;
  }

  sim_system sim;
  puppet first, second;
  std::string failed;
  std::optional<std::chrono::milliseconds> waits;
  supervisor_actor handle;
};

}  // namespace

TEST_CASE("one-for-one: the child that failed is started again after its back-off, its sibling is left alone") {
  watched w(restart_strategy::one_for_one);
  w.first.end(1);
  w.sim.drain();
  CHECK(w.failed == "first");
  REQUIRE(w.waits);
  CHECK(*w.waits >= 50ms);
  CHECK(*w.waits <= 100ms);
  CHECK(w.first.starts == 1);
  w.sim.advance(100ms);
  CHECK(w.first.starts == 2);
  CHECK(w.second.starts == 1);
}

TEST_CASE("a child that throws is a child that failed") {
  watched w(restart_strategy::one_for_one);
  w.second.end(2);
  w.sim.drain();
  w.sim.advance(100ms);
  CHECK(w.second.starts == 2);
}

TEST_CASE("a child that ends normally is done") {
  watched w(restart_strategy::one_for_one);
  w.first.end(0);
  w.sim.drain();
  w.sim.advance(10s);
  CHECK(w.first.starts == 1);
  CHECK(w.failed.empty());
}

TEST_CASE("one-for-all: when one child fails, all start again") {
  watched w(restart_strategy::one_for_all);
  w.first.end(1);
  w.sim.drain();
  w.sim.advance(100ms);
  CHECK(w.first.starts == 2);
  CHECK(w.second.starts == 2);
}

TEST_CASE("a spent budget escalates: the supervisor ends its children and itself") {
  watched w(restart_strategy::one_for_one);
  bool ended = false;
  w.handle->attach_functor([&](const caf::error&) { ended = true; });
  for (int i = 0; i < 4; ++i) {
    w.first.end(1);
    w.sim.drain();
    w.sim.advance(1s);
  }
  CHECK(w.first.starts == 4);  // the first start and three restarts
  CHECK_FALSE(w.waits);
  CHECK(ended);
}

TEST_CASE("without escalation a child that keeps failing is tried at the longest back-off") {
  watched w(restart_strategy::one_for_one, false);
  for (int i = 0; i < 6; ++i) {
    w.first.end(1);
    w.sim.drain();
    w.sim.advance(1s);
  }
  CHECK(w.first.starts == 7);
  CHECK(*w.waits == 1s);
}

TEST_CASE("children are added and removed while it runs; a removed one stays away") {
  watched w(restart_strategy::one_for_one);
  puppet third;
  caf::anon_send(w.handle, add_atom::value, std::make_shared<const child_spec>(third.spec("third")));
  w.sim.drain();
  CHECK(third.starts == 1);
  third.end(1);
  w.sim.drain();
  caf::anon_send(w.handle, remove_atom::value, std::string("third"));
  w.sim.drain();
  w.sim.advance(10s);
  CHECK(third.starts == 1);
  third.running = nullptr;
}

TEST_CASE("a supervisor that ends takes its children with it") {
  watched w(restart_strategy::one_for_one);
  int ended = 0;
  for (auto* p : {&w.first, &w.second}) p->running->attach_functor([&](const caf::error&) { ++ended; });
  caf::anon_send_exit(w.handle, caf::exit_reason::user_shutdown);
  w.sim.drain();
  CHECK(ended == 2);
}
