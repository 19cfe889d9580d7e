#include "actors/worker_pool.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <future>
#include <thread>

using namespace weir;
using namespace std::chrono_literals;

TEST_CASE("jobs run, and each is told done once") {
  std::atomic<int> ran{0}, done{0};
  {
    worker_pool pool({3, 10s, 4});
    for (int i = 0; i < 200; ++i) pool.post({[&] { ++ran; }, [&] { ++done; }, {}});
    CHECK(pool.stop(10s));
  }
  CHECK(ran == 200);
  CHECK(done == 200);
}

TEST_CASE("a job that hangs is reported, its thread replaced, and other jobs go on") {
  std::promise<void> release;
  auto released = release.get_future().share();
  std::promise<void> reported, late;
  std::atomic<int> others{0};
  worker_pool pool({1, 50ms, 4});
  pool.post({[released] { released.wait(); }, [&] { late.set_value(); }, [&] { reported.set_value(); }});
  for (int i = 0; i < 20; ++i) pool.post({[&] { ++others; }, {}, {}});
  REQUIRE(reported.get_future().wait_for(10s) == std::future_status::ready);
  for (int i = 0; i < 1000 && others < 20; ++i) std::this_thread::sleep_for(1ms);
  CHECK(others == 20);  // the pool has one thread, and that one hangs
  CHECK(pool.status().hung == 1);
  CHECK(pool.status().threads == 1);
  release.set_value();
  REQUIRE(late.get_future().wait_for(10s) == std::future_status::ready);
  for (int i = 0; i < 1000 && pool.status().hung > 0; ++i) std::this_thread::sleep_for(1ms);
  CHECK(pool.status().threads == 1);  // the one that came back has ended
  CHECK(pool.stop(10s));
}

TEST_CASE("no more threads are given up than the limit says") {
  std::promise<void> release;
  auto released = release.get_future().share();
  std::atomic<int> reported{0};
  worker_pool pool({1, 20ms, 2});
  for (int i = 0; i < 5; ++i) pool.post({[released] { released.wait(); }, {}, [&] { ++reported; }});
  std::this_thread::sleep_for(400ms);
  CHECK(reported == 2);
  CHECK(pool.status().hung == 2);
  CHECK_FALSE(pool.stop(10ms));
  release.set_value();
  for (int i = 0; i < 10'000 && pool.status().hung > 0; ++i) std::this_thread::sleep_for(1ms);
  CHECK(pool.stop(10s));  // says at once what is left behind, so only when those given up have come back
}

TEST_CASE("a job in which the process stood still does not hang") {
  std::atomic<int> looks{0}, reported{0};
  std::atomic<bool> stood_still{false};
  const auto now = [&] {
    ++looks;
    return std::chrono::steady_clock::now() + (stood_still ? 1h : 0h);
  };
  std::promise<void> running, release;
  auto released = release.get_future().share();
  worker_pool pool({1, 5s, 4, now});
  pool.post({[&running, released] {
               running.set_value();
               released.wait();
             },
             {},
             [&] { ++reported; }});
  running.get_future().wait();
  stood_still = true;
  const int before = looks;
  for (int i = 0; i < 10'000 && looks < before + 2; ++i) std::this_thread::sleep_for(1ms);
  CHECK(looks >= before + 2);  // half a second each
  CHECK(reported == 0);
  CHECK(pool.status().hung == 0);
  release.set_value();
  CHECK(pool.stop(10s));
}

TEST_CASE("the pool tells what CPU time its threads want, not how long their jobs wait") {
  worker_pool pool({1, 10s, 4});
  const auto wanted = pool.cpu_meter();
  const auto wanted_for = [&](std::function<void()> run) {
    std::promise<void> done;
    const auto before = wanted();
    pool.post({std::move(run), [&] { done.set_value(); }, {}});
    done.get_future().wait();
    return wanted() - before;
  };
  wanted_for([] {});  // the thread has begun
  const auto burns = wanted_for([] {
    const auto from = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - from < 200ms)
      ;
  });
  const auto sleeps = wanted_for([] { std::this_thread::sleep_for(200ms); });
  CHECK(burns >= 100ms);
  CHECK(sleeps < burns);
}
