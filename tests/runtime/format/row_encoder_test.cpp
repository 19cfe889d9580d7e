#include "runtime/format/row_encoder.hpp"

#include <catch2/catch.hpp>

using namespace weir;

namespace {

const auto columns = std::make_shared<const schema>(
    schema{{{"id", data_type::bigint}, {"name", data_type::text}, {"at", data_type::timestamptz}}});

record_batch rows() {
  batch_builder b(columns);
  b.at(0).push_int(7);
  b.at(1).push_text("say \"x\", y");
  b.at(2).push_int(1'700'000'000'000'000);
  b.row_done();
  b.at(0).push_null();
  b.at(1).push_text("");
  b.at(2).push_null();
  b.row_done();
  return b.finish();
}

std::vector<std::string> encoded(const format_spec& spec) {
  const auto encoder = make_row_encoder(spec, columns).value();
  std::vector<std::string> out;
  for (std::size_t i = 0; i < 2; ++i) encoder->append(out.emplace_back(), rows(), i);
  return out;
}

using texts = std::vector<std::string>;

}  // namespace

TEST_CASE("rows go out as JSON objects, or as CSV without header and line's end") {
  CHECK(encoded({"json", {}}) ==
        texts{R"({"id":7,"name":"say \"x\", y","at":"2023-11-14T22:13:20Z"})", R"({"id":null,"name":"","at":null})"});
  CHECK(encoded({"csv", {}}) == texts{R"(7,"say ""x"", y",2023-11-14T22:13:20Z)", R"(,"",)"});
  CHECK(encoded({"csv", {{"delimiter", ";"}}})[0] == R"(7;"say ""x"", y";2023-11-14T22:13:20Z)");
}

TEST_CASE("formats and options that rows cannot go out with are refused") {
  for (const auto& spec : {format_spec{"isd", {}}, format_spec{"avro", {}}, format_spec{"json", {{"delimiter", ";"}}},
                           format_spec{"csv", {{"delimiter", ";;"}}}, format_spec{"csv", {{"timestamps", "ms"}}}})
    CHECK(make_row_encoder(spec, columns).error().code == errc::invalid_argument);
}
