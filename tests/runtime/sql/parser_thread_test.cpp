#include "runtime/sql/parser_thread.hpp"

#include <pthread.h>

#include <catch2/catch.hpp>
#include <thread>
#include <vector>

using namespace weir;

namespace {

// How many keys of thread-specific data the process could still make.
std::size_t keys_left() {
  std::vector<pthread_key_t> made;
  for (pthread_key_t key{}; pthread_key_create(&key, nullptr) == 0;) made.push_back(key);
  for (const auto key : made) pthread_key_delete(key);
  return made.size();
}

}  // namespace

TEST_CASE("statements without end take no more of the process than the first one") {
  REQUIRE(parse_on_own_thread("SELECT 1"));
  const auto before = keys_left();
  for (int i = 0; i < 100; ++i) REQUIRE(parse_on_own_thread("SELECT 1"));
  CHECK(keys_left() == before);
}

TEST_CASE("an error is told in whole characters, also where the scanner stops inside of one") {
  const auto parsed = parse_on_own_thread("SELECT 3\xdb\xbe");
  REQUIRE(parsed);
  CHECK(parsed->error == R"(trailing junk after numeric literal at or near "3")");
}

TEST_CASE("threads that parse at the same time each get the answer to their own statement") {
  std::vector<std::thread> threads;
  std::vector<int> wrong(8);
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([t, &wrong] {
      for (int i = 0; i < 200; ++i) {
        const bool good = i % 2 == 0;
        const auto name = "name_" + std::to_string(t) + "_" + std::to_string(i);
        const auto parsed = parse_on_own_thread(good ? "SELECT " + name : "SELECT FROM FROM " + name);
        const bool right =
            parsed && parsed->error.empty() == good && (!good || parsed->tree.find(name) != std::string::npos);
        wrong[t] += right ? 0 : 1;
      }
    });
  }
  for (auto& t : threads) t.join();
  CHECK(wrong == std::vector<int>(8, 0));
}
