#include "actors/source/mqtt/topic_filter.hpp"

#include <catch2/catch.hpp>

using namespace weir;
using namespace weir::mqtt;

TEST_CASE("filters stand between commas, with blanks around them") {
  CHECK(*parse_filters("a") == std::vector<std::string>{"a"});
  CHECK(*parse_filters("a/+/c, d/#,$share/group/e/+") == std::vector<std::string>{"a/+/c", "d/#", "$share/group/e/+"});
  CHECK(*parse_filters("#") == std::vector<std::string>{"#"});
  CHECK(*parse_filters("/") == std::vector<std::string>{"/"});
  CHECK(*parse_filters("a b/\xc3\xa4") == std::vector<std::string>{"a b/\xc3\xa4"});
}

TEST_CASE("a shared subscription's topics can be had without its group") {
  CHECK(without_group("$share/group/in/+") == "in/+");
  CHECK(without_group("in/#") == "in/#");
}

TEST_CASE("what is no filter is refused with the filter and why") {
  for (const std::string text : {"", "a,", "a+", "a/b#", "a/#/b", "+a", "$share//a", "$share/g", "$share/g/",
                                 "$share/+/a", "$share/g/a#", "\xff", "a,a"}) {
    INFO(text);
    CHECK_FALSE(parse_filters(text));
  }
  CHECK(parse_filters("a/b#").error().text() ==
        "'a/b#' is no topic filter: '+' and '#' stand for whole levels, and '#' only for the last ones");
  CHECK_FALSE(parse_filters(std::string(70'000, 'a')));
  std::string many = "0";
  for (int i = 1; i < 65; ++i) many += "," + std::to_string(i);
  REQUIRE_FALSE(parse_filters(many));
  CHECK(parse_filters(many).error().code == errc::limit_exceeded);
  CHECK(parse_filters(many.substr(0, many.rfind(',')))->size() == 64);
}
