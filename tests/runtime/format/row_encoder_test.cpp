#include "runtime/format/row_encoder.hpp"

#include <catch2/catch.hpp>

#include "runtime/format/avro_datum.hpp"
#include "runtime/format/avro_rows.hpp"

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

TEST_CASE("rows go out as Avro in Confluent's framing, data of the schema that their columns have") {
  const auto out = encoded({"avro", {{"schema_id", "258"}}});
  CHECK(out[0].substr(0, 5) == std::string("\0\0\0\1\2", 5));
  const auto written = avro_schema::parse(avro_schema_of(*columns, "a.b-c").value()).value();
  std::vector<std::string> read;
  for (const auto& one : out)
    REQUIRE(avro_to_json(written->root(), std::string_view(one).substr(schema_frame_bytes), read.emplace_back()));
  CHECK(read ==
        texts{R"({"id":7,"name":"say \"x\", y","at":"2023-11-14T22:13:20Z"})", R"({"id":null,"name":"","at":null})"});
}

TEST_CASE("an Avro schema says which columns may be null, and of which type they are") {
  const schema all{{{"a", data_type::bigint, true}, {"b", data_type::timestamptz}, {"c", data_type::bytea, true}}};
  CHECK(avro_schema_of(all, "1.x").value() ==
        R"({"type":"record","name":"_1_x","namespace":"weir","fields":[{"name":"a","type":"long"},)"
        R"({"name":"b","type":["null",{"type":"long","logicalType":"timestamp-micros"}],"default":null},)"
        R"({"name":"c","type":"bytes"}]})");
  for (const auto* name : {"", "a b", "1a", "\xc3\xa5"})
    CHECK(avro_schema_of({{{name, data_type::text}}}, "x").error().code == errc::invalid_argument);
}

TEST_CASE("rows whose schema has no number do not go out") {
  for (const auto* id : {"", "x", "-1", "4294967296"})
    CHECK(make_row_encoder({"avro", {{"schema_id", id}}}, columns).error().code == errc::corrupt);
  CHECK(make_row_encoder({"avro", {{"key_schema_id", "1"}}}, columns).error().code == errc::corrupt);
  CHECK(make_row_encoder(key_format_of({"avro", {{"key_schema_id", "1"}, {"schema_id", "x"}}}), columns));
}

TEST_CASE("formats and options that rows cannot go out with are refused") {
  for (const auto& spec : {format_spec{"isd", {}}, format_spec{"avro", {{"delimiter", ";"}}},
                           format_spec{"avro", {{"compatibility", "SOME"}}}, format_spec{"json", {{"delimiter", ";"}}},
                           format_spec{"csv", {{"delimiter", ";;"}}}, format_spec{"csv", {{"timestamps", "ms"}}}})
    CHECK(make_row_encoder(spec, columns).error().code == errc::invalid_argument);
}
