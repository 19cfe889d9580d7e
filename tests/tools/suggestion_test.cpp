#include "tools/weir/suggestion.hpp"

#include <catch2/catch.hpp>

namespace weir::cli {

TEST_CASE("the nearest spelling is the word that was meant") {
  const std::vector<std::string> known{"source", "stream", "view", "status", "sql", "dead-letter"};
  CHECK(nearest("soruce", known) == "source");
  CHECK(nearest("sources", known) == "source");
  CHECK(nearest("deadletter", known) == "dead-letter");
  CHECK(nearest("veiw", known) == "view");
  CHECK(nearest("stat", known) == "status");
  CHECK(nearest("frobnicate", known) == std::nullopt);
  CHECK(nearest("", known) == std::nullopt);
}

TEST_CASE("distance counts single edits and swaps of neighbours") {
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("abc", "abc") == 0);
  CHECK(edit_distance("abc", "acb") == 1);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("ca", "abc") == edit_distance("abc", "ca"));
}

}  // namespace weir::cli
