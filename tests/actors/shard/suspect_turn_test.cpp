#include "actors/shard/suspect_turn.hpp"

#include <catch2/catch.hpp>

using namespace weir;

TEST_CASE("one suspect at a time has its turn, the others stand in line") {
  suspect_turn turn;
  CHECK(turn.ask(0, "a", true));
  CHECK(turn.ask(0, "a", true));  // still its turn
  CHECK_FALSE(turn.ask(0, "b", true));
  CHECK_FALSE(turn.ask(1, "a", true));
  turn.leave(0, "a");
  CHECK_FALSE(turn.ask(0, "a", true));  // at the line's end again
  CHECK_FALSE(turn.ask(1, "a", true));
  CHECK(turn.ask(0, "b", true));
  turn.leave(1, "a");  // who leaves need not have had its turn
  turn.leave(0, "b");
  CHECK(turn.ask(0, "a", true));
}

TEST_CASE("a shard that stops leaves the line with all it has there") {
  suspect_turn turn;
  CHECK(turn.ask(2, "a", true));
  CHECK_FALSE(turn.ask(2, "", true));
  CHECK_FALSE(turn.ask(3, "", true));
  turn.leave_all(2);
  CHECK(turn.ask(3, "", true));
}

TEST_CASE("suspects without an attempt have their turn beside each other, never beside one that is tried alone") {
  suspect_turn turn;
  CHECK(turn.ask(0, "a", false));
  CHECK(turn.ask(1, "a", false));
  CHECK_FALSE(turn.ask(0, "b", true));
  CHECK_FALSE(turn.ask(1, "b", false));  // behind the one that waits to be alone
  CHECK(turn.ask(1, "a", false));        // still its turn
  turn.leave(0, "a");
  CHECK_FALSE(turn.ask(0, "b", true));
  turn.leave(1, "a");
  CHECK(turn.ask(0, "b", true));
  CHECK_FALSE(turn.ask(1, "b", false));
  turn.leave(0, "b");
  CHECK(turn.ask(1, "b", false));
  CHECK(turn.ask(2, "b", false));
  CHECK_FALSE(turn.ask(2, "b", true));  // its first attempt failed
}
