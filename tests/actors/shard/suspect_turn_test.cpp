#include "actors/shard/suspect_turn.hpp"

#include <catch2/catch.hpp>

using namespace weir;

TEST_CASE("one suspect at a time has its turn, the others stand in line") {
  suspect_turn turn;
  CHECK(turn.ask(0, "a"));
  CHECK(turn.ask(0, "a"));  // still its turn
  CHECK_FALSE(turn.ask(0, "b"));
  CHECK_FALSE(turn.ask(1, "a"));
  turn.leave(0, "a");
  CHECK_FALSE(turn.ask(0, "a"));  // at the line's end again
  CHECK_FALSE(turn.ask(1, "a"));
  CHECK(turn.ask(0, "b"));
  turn.leave(1, "a");  // who leaves need not have had its turn
  turn.leave(0, "b");
  CHECK(turn.ask(0, "a"));
}

TEST_CASE("a shard that stops leaves the line with all it has there") {
  suspect_turn turn;
  CHECK(turn.ask(2, "a"));
  CHECK_FALSE(turn.ask(2, ""));
  CHECK_FALSE(turn.ask(3, ""));
  turn.leave_all(2);
  CHECK(turn.ask(3, ""));
}
