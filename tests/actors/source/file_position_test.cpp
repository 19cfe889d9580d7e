#include "actors/source/file_position.hpp"

#include <catch2/catch.hpp>

using namespace weir;

TEST_CASE("a position comes back from its text") {
  file_position position;
  position.file = file_progress{"/data/\xff.csv", 1, 2, 3, 4, -5, "c", "t", true};
  position.below = "a b";
  position.below_files = 7;
  position.done = {"c%"};
  position.ended = true;
  CHECK(decode_position(encode_position(position)) == position);
}

TEST_CASE("a folder's position names the file and how many sort before it, or neither") {
  CHECK(decode_position(R"({"v":1,"below":"a","below_files":3})")->below_files == 3);
  CHECK(decode_position(R"({"v":1,"below":"a"})").error().code == errc::corrupt);
  CHECK(decode_position(R"({"v":1,"below_files":3})").error().code == errc::corrupt);
}

TEST_CASE("numbers of a position that are none of its kind are refused") {
  CHECK(decode_position(R"({"v":1e300})").error().code == errc::corrupt);
  CHECK(decode_position(R"({"v":1.5})").error().code == errc::corrupt);
  CHECK(decode_position(R"({"v":2})").error().code == errc::corrupt);
  for (const char* modified : {"1e300", "1.5", "true"}) {
    const auto text = fmt::format(R"({{"v":1,"file":{{"path":"x","dev":1,"ino":1,"bytes":1,"size":1,"modified":{},)"
                                  R"("context":"","tail":""}}}})",
                                  modified);
    CHECK(decode_position(text).error().code == errc::corrupt);
  }
}
