#include "cluster/topic_names.hpp"

#include <catch2/catch.hpp>
#include <set>

using namespace weir;

TEST_CASE("a shard's writer id depends on the shard alone (PROTOCOL 1)") {
  CHECK(topic::shard_writer("weir", 3) == "weir.3");
  CHECK(topic::control_writer("weir") == "weir.control");
}

TEST_CASE("no two topics have the same name") {
  std::set<std::string> names{topic::control("w"), topic::changelog("w"), topic::attempts("w")};
  std::size_t count = names.size();
  for (const std::string name : {"control", "stream", "a", "view-a", "b_c"}) {
    for (const std::string& topic :
         {topic::stream("w", name), topic::dead("w", name), topic::view("w", name), topic::late("w", name),
          topic::refused("w", name), topic::shuffle("w", "p", name, 1), topic::shuffle("w", "p", name, 2),
          topic::shuffle("w", name, "a-view", 1)}) {
      names.insert(topic);
      ++count;
    }
  }
  CHECK(names.size() == count);
}
