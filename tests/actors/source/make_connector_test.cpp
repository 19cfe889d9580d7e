#include "actors/source/option_reader.hpp"
#include "tests/actors/source/source_fixture.hpp"

using namespace weir;
using namespace weir::source_test;

namespace {

std::string refusal(const source_spec& spec) {
  const auto status = check_source(spec, context_for({"/data"}));
  return status ? std::string() : status.error().text();
}
bool says(const std::string& text, std::string_view part) {
  CAPTURE(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("every kind of connector describes itself and its options") {
  REQUIRE(connector_kinds().size() == 5);
  for (const auto& kind : connector_kinds()) {
    CHECK_FALSE(kind.description.empty());
    CHECK(kind.guarantee.find("once") != std::string::npos);
    for (const auto& option : kind.options) CHECK_FALSE(option.description.empty());
  }
}

TEST_CASE("an unknown connector is answered with the known ones and the nearest") {
  const auto text = refusal({"s", "t", "simulat", {}});
  CHECK(says(text, "did you mean 'simulate'?"));
  CHECK(says(text, "file, simulate, mqtt"));
  CHECK(says(refusal({"s", "t", "amqp", {}}), "file, simulate, mqtt, kafka"));
}

TEST_CASE("an unknown option is answered with the known ones and the nearest") {
  const auto text = refusal(file_spec({{"path", "/data/f"}, {"folow", "true"}}));
  CHECK(says(text, "did you mean 'follow'?"));
  CHECK(says(text, "path, format, follow, watch"));
  CHECK(says(refusal({"s", "t", "simulate", {{"instrument", "sock-camera"}, {"sed", "1"}}}), "did you mean 'seed'?"));
}

TEST_CASE("missing and bad values are named with what they should be") {
  CHECK(says(refusal(file_spec({})), "needs the option 'path'"));
  CHECK(says(refusal(file_spec({{"path", "/data/f"}, {"follow", "yes"}})), "follow = 'yes' is not true or false"));
  CHECK(says(refusal(file_spec({{"path", "/data/f"}, {"format", "cvs"}})), "did you mean 'csv'?"));
  CHECK(says(refusal(file_spec({{"path", "/data/f"}, {"settle", "soon"}})), "such as '2 s'"));
  CHECK(says(refusal(file_spec({{"path", "/data/f"}, {"settle", "2 days"}})), "settle"));
  CHECK(says(refusal(file_spec({{"path", "/data/f"}, {"reorder", "0"}})), "from 1 to 4096"));
  CHECK(says(refusal(file_spec({{"path", "/data/f"}, {"reorder", "4097"}})), "from 1 to 4096"));
  CHECK(says(refusal(file_spec({{"path", "/data/f"}, {"format", ""}})), "leave the option out"));
  const auto simulate = [](option_map options) {
    options.emplace("instrument", "weather-station");
    return refusal({"s", "t", "simulate", std::move(options)});
  };
  CHECK(simulate({}).empty());
  CHECK(says(simulate({{"instrument", "sock-camra"}}), "did you mean 'sock-camera'?"));
  CHECK(says(simulate({{"instrument", "sock-camera"}, {"speed", "2"}}), "option speed is for the instrument weather"));
  for (const auto* rate : {"0", "-1", "1e7", "nan", "inf", "3x"}) CHECK(says(simulate({{"rate", rate}}), "rate"));
  CHECK(says(simulate({{"count", "-1"}}), "whole number"));
  CHECK(says(simulate({{"start", "2999-01-01"}}), "future"));
  CHECK(says(simulate({{"start", "yesterday"}}), "start"));
  CHECK(says(simulate({{"station_name", "two\nlines"}}), "one line"));
}

TEST_CASE("a source's name is checked") {
  for (const std::string& name : {std::string(), std::string("a b"), std::string("a/b"), std::string(129, 'a')}) {
    CHECK(says(refusal({name, "t", "simulate", {{"instrument", "sock-camera"}}}), "no name of a source"));
  }
}

TEST_CASE("the nearest word is near") {
  CHECK(nearest_word("folow", {"follow", "format"}) == "follow");
  CHECK(nearest_word("zzz", {"follow", "format"}).empty());
  CHECK(nearest_word("", {"follow"}).empty());
  CHECK(nearest_word(std::string(1000, 'a'), {"follow"}).empty());
}
