#include <catch2/catch.hpp>

#include "runtime/format/avro_datum.hpp"
#include "runtime/format/record_decoder.hpp"

using namespace weir;

namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const auto v : values) out += static_cast<char>(v);
  return out;
}

std::string as_json(std::string_view schema, std::string_view datum) {
  const auto parsed = avro_schema::parse(schema);
  if (!parsed) return "schema: " + parsed.error().text();
  std::string out;
  const auto good = avro_to_json((*parsed)->root(), datum, out);
  return good ? out : "error: " + good.error().text();
}

bool says(const std::string& text, std::string_view part) {
  CAPTURE(text, part);
  return text.find(part) != std::string::npos;
}

std::string of_type(std::string_view type) { return fmt::format(R"({{"type":{}}})", type); }

}  // namespace

TEST_CASE("Avro's primitive types, as its specification encodes them") {
  CHECK(as_json("null", "") == "null");
  CHECK(as_json("\"boolean\"", bytes({1})) == "true");
  CHECK(as_json("\"long\"", bytes({0x00})) == "0");
  CHECK(as_json("\"long\"", bytes({0x01})) == "-1");
  CHECK(as_json("\"long\"", bytes({0x7f})) == "-64");
  CHECK(as_json("\"long\"", bytes({0x80, 0x01})) == "64");
  CHECK(as_json("\"long\"", bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})) ==
        "-9223372036854775808");
  CHECK(as_json("\"string\"", bytes({0x06, 'f', 'o', 'o'})) == "\"foo\"");
  CHECK(as_json("\"bytes\"", bytes({0x04, 0xab, 0x01})) == R"("\\xab01")");
  CHECK(as_json("\"float\"", bytes({0, 0, 0xc0, 0x3f})) == "1.5");
  CHECK(as_json("\"double\"", bytes({0, 0, 0, 0, 0, 0, 0xf8, 0x7f})) == "\"NaN\"");
  CHECK(as_json("\"double\"", bytes({0, 0, 0, 0, 0, 0, 0xf0, 0xff})) == "\"-Infinity\"");
}

TEST_CASE("Avro's complex types become JSON") {
  CHECK(as_json(R"({"type":"array","items":"long"})", bytes({0x04, 0x06, 0x36, 0x00})) == "[3,27]");
  CHECK(as_json(R"({"type":"array","items":"long"})", bytes({0x03, 0x04, 0x06, 0x36, 0x00})) == "[3,27]");
  CHECK(as_json(R"({"type":"map","values":"int"})", bytes({0x02, 0x02, 'a', 0x02, 0x00})) == R"({"a":1})");
  CHECK(as_json(R"(["null","string"])", bytes({0x00})) == "null");
  CHECK(as_json(R"(["null","string"])", bytes({0x02, 0x02, 'a'})) == "\"a\"");
  CHECK(as_json(R"({"type":"enum","name":"e","symbols":["A","B"]})", bytes({0x02})) == "\"B\"");
  CHECK(as_json(R"({"type":"fixed","name":"f","size":2})", bytes({1, 2})) == R"("\\x0102")");
  CHECK(as_json(R"({"type":"record","name":"test","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]})",
                bytes({0x36, 0x06, 'f', 'o', 'o'})) == R"({"a":27,"b":"foo"})");
}

TEST_CASE("names of an Avro schema are found in their namespace, and a type may contain itself") {
  const auto list = R"({"type":"record","name":"n","namespace":"x.y","fields":[
    {"name":"v","type":"int"},{"name":"next","type":["null","n"]},{"name":"same","type":["null","x.y.n"]}]})";
  CHECK(as_json(list, bytes({2, 2, 4, 0, 0, 0})) == R"({"v":1,"next":{"v":2,"next":null,"same":null},"same":null})");
  std::string deep;
  for (int i = 0; i < 200; ++i) deep += bytes({2, 2});
  CHECK(says(as_json(list, deep), "nests deeper"));
}

TEST_CASE("logical types of Avro become times and decimals") {
  CHECK(as_json(of_type(R"("long","logicalType":"timestamp-millis")"), bytes({0x02})) ==
        "\"1970-01-01T00:00:00.001Z\"");
  CHECK(as_json(of_type(R"("long","logicalType":"timestamp-micros")"), bytes({0x01})) ==
        "\"1969-12-31T23:59:59.999999Z\"");
  CHECK(as_json(of_type(R"("int","logicalType":"date")"), bytes({0x02})) == "\"1970-01-02T00:00:00Z\"");
  CHECK(as_json(of_type(R"("int","logicalType":"unheard-of")"), bytes({0x02})) == "1");
  const auto decimal = of_type(R"("bytes","logicalType":"decimal","precision":9,"scale":2)");
  CHECK(as_json(decimal, bytes({0x04, 0x04, 0xd2})) == "12.34");
  CHECK(as_json(decimal, bytes({0x02, 0xff})) == "-0.01");
  CHECK(as_json(decimal, bytes({0x00})) == "0.00");
}

TEST_CASE("an Avro schema may come with others that it is made of") {
  const auto* const text =
      R"({"types":[{"type":"enum","name":"u","namespace":"a","symbols":["x","y"]},)"
      R"({"type":"record","name":"a.b","fields":[{"name":"u","type":"u"}]}],)"
      R"("root":{"type":"record","name":"c","fields":[{"name":"b","type":"a.b"},{"name":"u","type":"a.u"}]}})";
  const auto made = avro_schema::parse(text).value();
  std::string out;
  REQUIRE(avro_to_json(made->root(), std::string("\2\0", 2), out));
  CHECK(out == R"({"b":{"u":"y"},"u":"x"})");
  for (const auto* broken : {R"({"types":[],"root":{"type":"record","name":"c","fields":[{"name":"b","type":"a"}]}})",
                             R"({"types":["a"],"root":"int"})", R"({"types":5,"root":"int"})", R"({"root":"int"})"})
    CHECK(avro_schema::parse(broken).error().code == errc::parse_error);
}

TEST_CASE("bytes that are no value of their Avro schema are refused") {
  CHECK(says(as_json("\"long\"", ""), "breaks off"));
  CHECK(says(as_json("\"long\"", bytes({0x80})), "breaks off"));
  CHECK(says(as_json("\"long\"", std::string(11, '\xff')), "more than 64 bits"));
  CHECK(says(as_json("\"int\"", bytes({0x80, 0x80, 0x80, 0x80, 0x10})), "more than 32 bits"));
  CHECK(says(as_json("\"boolean\"", bytes({2})), "neither 0 nor 1"));
  CHECK(says(as_json("\"string\"", bytes({0x08, 'a'})), "4 bytes, where 1 are left"));
  CHECK(says(as_json("\"string\"", bytes({0x01})), "-1 bytes"));
  CHECK(says(as_json(R"(["null"])", bytes({0x02})), "branch 1 of a union of 1"));
  CHECK(says(as_json("\"null\"", "x"), "1 bytes stand behind"));
  // A bomb: a million nulls in a handful of bytes.
  CHECK(says(as_json(R"({"type":"array","items":"null"})", bytes({0x80, 0x89, 0x7a, 0x00})), "of JSON"));
}

TEST_CASE("texts that are no Avro schema are refused") {
  CHECK(says(as_json("{", ""), "is no JSON"));
  CHECK(says(as_json("\"nothing\"", ""), "does not declare"));
  CHECK(says(as_json("[]", ""), "union of nothing"));
  CHECK(says(as_json(R"(["null",["int"]])", ""), "union in a union"));
  CHECK(says(as_json(R"({"type":"fixed","name":"f","size":-1})", ""), "has no size"));
  CHECK(says(as_json(R"({"type":"record","name":"r"})", ""), "has no fields"));
  CHECK(says(as_json(R"({"type":"enum","name":"e","symbols":[]})", ""), "no symbols"));
  CHECK(says(as_json(std::string(10'000, '[') + std::string(10'000, ']'), ""), "nests deeper"));
  CHECK(says(as_json(R"([{"type":"fixed","name":"f","size":1},{"type":"fixed","name":"f","size":2}])", ""), "twice"));
}

TEST_CASE("Avro records become rows, and those that do not fit say why") {
  const auto columns = std::make_shared<const schema>(
      schema{{{"id", data_type::bigint, true}, {"name", data_type::text}, {"absent", data_type::text}}});
  const auto writer = R"({"type":"record","name":"o","fields":[
    {"name":"id","type":["null","long"]},{"name":"other","type":"int"},{"name":"name","type":"string"}]})";
  auto decoder = make_record_decoder({"avro", {}}, columns, writer, true).value();
  raw_records records;
  records.append(bytes({2, 14, 0, 2, 'a'}));
  records.append(bytes({0, 0, 0}));
  records.append(bytes({2, 14, 0, 2, 0xff}));
  records.append("");
  batch_builder builder(columns);
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  decoder->decode(records, 0, 4, builder, decoded, failures);
  const auto rows = builder.finish();
  REQUIRE(decoded == std::vector<std::uint32_t>{0});
  CHECK(rows.columns[0]->ints()[0] == 7);
  CHECK(rows.columns[1]->text(0) == "a");
  CHECK(rows.columns[2]->is_null(0));
  REQUIRE(failures.size() == 3);
  CHECK(failures[0].record == 1);
  CHECK(says(failures[0].reason, "field 'id': is null, but NOT NULL"));
  CHECK(says(failures[1].reason, "UTF-8"));
  CHECK(says(failures[2].reason, "field 'id': the value breaks off"));
  CHECK(make_record_decoder({"avro", {}}, columns, "", true).error().code == errc::invalid_argument);
  CHECK(make_record_decoder({"avro", {}}, columns, "\"int\"", true).error().code == errc::unsupported);
}
