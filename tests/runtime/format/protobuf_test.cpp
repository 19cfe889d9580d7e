#include <fstream>

#include "runtime/format/json_writer.hpp"
#include "runtime/format/protobuf_frame.hpp"
#include "runtime/format/protobuf_reader.hpp"
#include "runtime/format/protobuf_writer.hpp"
#include "runtime/format/row_encoder.hpp"
#include "runtime/format/text_value.hpp"
#include "tests/runtime/format/format_fixture.hpp"

using namespace weir;

namespace {

std::string shop() {
  std::ifstream in("tests/runtime/format/protobuf/shop.desc", std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string bytes(std::string_view hex) { return parse_bytea("\\x" + std::string(hex)).value(); }

std::string json_of(const std::string& message, const std::string& name = "shop.Order") {
  protobuf_reader reader(protobuf_type::parse(shop(), name).value());
  std::string out;
  const auto good = reader.to_json(message, out);
  return good ? out : good.error().text();
}

format_spec spec(const std::string& message = "shop.Order", const std::string& framing = "none") {
  std::string set;
  append_bytea_text(set, shop());
  return {"protobuf",
          {{"descriptors", "shop.desc"}, {"message", message}, {"framing", framing}, {"descriptor_set", set}}};
}

// protoc --encode=shop.Order
const char* const order =
    "08f9ffffffffffffffff0112036b223119000000000000044025cdcccc3d2801320200ff380142090880e2cfaa0610dc0b4a0908901c1080ca"
    "b5ee01520b01feffffffffffffffff015a110a016111000000000000f03f1a030a01625a0062050a01791002620d0a017810ffffffffffff"
    "ffff7f6a1008ffffffffffffffffff0112030a016378ffffffffffffffffff0182010208058a01210a160a01611211320f0a091100000000"
    "0000f03f0a0208000a070a01621202200190010599010900000000000000";
const std::string zeros =
    R"("price":0,"weight":0,"paid":false,"proof":"\\x","state":"UNKNOWN","counts":[],"items":[],"stock":{},)"
    R"("shelves":{},"delta":0,"serial":0})";

}  // namespace

TEST_CASE("a Protobuf message becomes JSON, as another encoder wrote it") {
  CHECK(json_of(bytes(order)) ==
        R"({"id":-7,"k":"k\"1","price":2.5,"weight":0.1,"paid":true,"proof":"\\x00ff","state":"PAID",)"
        R"("at":"2023-11-14T22:13:20.000001Z","wait":"01:00:00.5","counts":[1,-2],)"
        R"("items":[{"sku":"a","price":1,"parts":[{"sku":"b","price":0,"parts":[]}]},{"sku":"","price":0,"parts":[]}],)"
        R"("stock":{"x":9223372036854775807,"y":2},"shelves":{"-1":{"sku":"c","price":0,"parts":[]}},)"
        R"("parcel":18446744073709551615,"maybe":5,"extra":{"a":[1,null],"b":true},"delta":-3,"serial":9})");
}

TEST_CASE("what a Protobuf message does not have is left out where that can be told, else it is zero") {
  CHECK(json_of("") == R"({"id":0,)" + zeros);
  CHECK(json_of(bytes("1200")) == R"({"id":0,"k":"",)" + zeros);
  CHECK(json_of(bytes("3809")).find(R"("state":"9")") != std::string::npos);
  CHECK(json_of(bytes("a80601")) == json_of(""));
}

TEST_CASE("of a Protobuf message only what is asked for is printed") {
  const schema only{{{"id", data_type::bigint}, {"items", data_type::json}, {"none", data_type::text}}};
  protobuf_reader reader(protobuf_type::parse(shop(), "shop.Order").value(), &only);
  std::string out;
  REQUIRE(reader.to_json(bytes("08075a030a01617801"), out));
  CHECK(out == R"({"id":7,"items":[{"sku":"a","price":0,"parts":[]}]})");
}

TEST_CASE("bytes that are no message are refused") {
  for (const auto* hex : {"08", "0a", "1205", "12056162", "1a05", "0b", "00"})
    CHECK(json_of(bytes(hex)) == "these bytes are no message shop.Order");
  CHECK(json_of(bytes("1201ff")) == "these bytes are no message shop.Order");
  CHECK(json_of(bytes("420808ffffffffffff3f")).find("outside of the years") != std::string::npos);
}

TEST_CASE("bombs of Protobuf are refused before they take memory") {
  std::string deep;
  for (int i = 0; i < 200; ++i) {
    std::string outer = "\x1a";
    if (deep.size() > 127) break;
    outer += static_cast<char>(deep.size());
    deep = outer + deep;
  }
  CHECK(json_of(deep, "shop.Order.Item").size() > 60);
  std::string deeper = deep;
  for (int i = 0; i < 10; ++i) {
    const auto size = deeper.size();
    deeper = std::string("\x1a") + static_cast<char>(0x80 | (size & 0x7f)) + static_cast<char>(size >> 7) + deeper;
  }
  CHECK(json_of(deeper, "shop.Order.Item").find("nests deeper than 64") != std::string::npos);
  std::string many;
  for (int i = 0; i < 10'000; ++i) many += std::string("\x0a\0", 2);
  CHECK(json_of(many, "shop.Wide").find("bytes of memory") != std::string::npos);
  CHECK(json_of(many.substr(0, 20), "shop.Wide").starts_with("{"));
}

TEST_CASE("descriptor sets that cannot be used say why, and the least one is kept") {
  const auto error_of = [](std::string_view set, std::string_view name) {
    return protobuf_type::parse(set, name).error();
  };
  CHECK(error_of("", "x").code == errc::parse_error);
  CHECK(error_of("no set", "x").hint.find("--descriptor_set_out") != std::string::npos);
  CHECK(error_of(std::string(600'000, '\n'), "x").code == errc::limit_exceeded);
  const auto missing = error_of(shop(), "shop.Nothing");
  CHECK(missing.code == errc::not_found);
  CHECK(missing.message.find("shop.Other") != std::string::npos);
  CHECK(missing.message.find("google") == std::string::npos);
  const auto item = protobuf_type::parse(shop(), "shop.Order.Item").value();
  CHECK(item->path() == std::vector{1, 0});
  CHECK(item->has_field("sku"));
  CHECK_FALSE(item->has_field("id"));
  const auto kept = item->descriptor_set();
  CHECK(protobuf_type::parse(kept, "shop.Order.Item").value()->descriptor_set() == kept);
  const auto time = protobuf_type::parse(shop(), "google.protobuf.Timestamp").value();
  CHECK(time->descriptor_set().size() < kept.size());
}

TEST_CASE("Confluent's framing of Protobuf names the message within its file") {
  std::string first, nested;
  append_protobuf_frame(first, 258, {0});
  append_protobuf_frame(nested, 258, {1, 0});
  CHECK(first == bytes("000000010200"));
  CHECK(nested == bytes("0000000102040200"));
  for (const auto& [framed, path] : {std::pair{first, std::vector{0}}, std::pair{nested, std::vector{1, 0}}}) {
    const auto whole = framed + "rest";
    std::string_view left = whole;
    REQUIRE(remove_protobuf_frame(left, path));
    CHECK(left == "rest");
  }
  const auto refused = [](std::string_view framed, const std::vector<int>& path) {
    return remove_protobuf_frame(framed, path).error().message;
  };
  CHECK(refused(first, {1}) == "it is message 0 of its schema, and the stream's is 1");
  CHECK(refused(nested, {0}) == "it is message 1.0 of its schema, and the stream's is 0");
  for (const auto& broken : {"", "00", "0000000102", "0100000102", "000000010204", "0000000102ffffffffff7f"})
    CHECK(refused(bytes(broken), {0}).find("record") != std::string::npos);
}

TEST_CASE("Protobuf records become rows, and those that do not fit say why") {
  const auto columns = make_schema({{"id", data_type::bigint, true},
                                    {"k", data_type::text, true},
                                    {"at", data_type::timestamptz},
                                    {"items", data_type::json},
                                    {"proof", data_type::bytea},
                                    {"wait", data_type::interval}});
  const auto out = decode_texts(spec(), columns, {bytes(order), bytes("0807"), bytes("ff"), bytes("08011200")});
  REQUIRE(out.decoded == std::vector<std::uint32_t>{0, 3});
  CHECK(out.rows.columns[0]->ints()[0] == -7);
  CHECK(out.rows.columns[2]->ints()[0] == 1'700'000'000'000'001);
  CHECK(out.rows.columns[4]->text(0) == std::string("\0\xff", 2));
  CHECK(out.rows.columns[5]->ints()[0] == 3'600'500'000);
  CHECK(out.rows.columns[5]->is_null(1));
  CHECK(out.failures[0].reason.find("'k'") != std::string::npos);
  CHECK(out.failures[1].reason == "these bytes are no message shop.Order");
  CHECK(refusal(spec("shop.Order", "confluent"), columns, bytes("08011200")).starts_with("no framed record"));
  CHECK(decode_texts(spec("shop.Order", "confluent"), columns, {bytes("0000000001020208011200")}).decoded.size() == 1);
}

TEST_CASE("options of Protobuf that cannot be are refused") {
  const auto columns = make_schema({{"id", data_type::bigint}});
  for (const auto& options :
       std::vector<std::map<std::string, std::string>>{{},
                                                       {{"descriptors", "a.desc"}},
                                                       {{"message", "a"}},
                                                       {{"descriptors", "../a"}, {"message", "a"}},
                                                       {{"descriptors", ".a"}, {"message", "a"}},
                                                       {{"descriptors", "a"}, {"message", "a"}, {"framing", "some"}},
                                                       {{"descriptors", "a"}, {"message", "a"}, {"timestamps", "ms"}}})
    CHECK(check_format({"protobuf", options}, *columns).error().code == errc::invalid_argument);
  CHECK(check_format({"protobuf", {{"descriptors", "a"}, {"message", "a"}}}, *columns));
  CHECK(make_record_decoder({"protobuf", {{"descriptors", "a"}, {"message", "a"}}}, columns, {}, true).error().code ==
        errc::corrupt);
}

namespace {

const auto columns_out = make_schema({{"id", data_type::bigint, true},
                                      {"k", data_type::text},
                                      {"price", data_type::double_precision},
                                      {"paid", data_type::boolean},
                                      {"proof", data_type::bytea},
                                      {"at", data_type::timestamptz},
                                      {"wait", data_type::interval},
                                      {"by", data_type::json},
                                      {"maybe", data_type::bigint}});

record_batch rows_out() {
  batch_builder b(columns_out);
  b.at(0).push_int(-7);
  b.at(1).push_text("");
  b.at(2).push_double(2.5);
  b.at(3).push_int(1);
  b.at(4).push_text(std::string("\0\xff", 2));
  b.at(5).push_int(-1);
  b.at(6).push_int(-1'500'000);
  b.at(7).push_text("[1]");
  b.at(8).push_int(0);
  b.row_done();
  b.at(0).push_int(0);
  for (std::size_t i = 1; i < 9; ++i) b.at(i).push_null();
  b.row_done();
  return b.finish();
}

status fit(std::vector<field> fields, const std::string& message = "shop.Order") {
  const auto made = protobuf_writer::make(protobuf_type::parse(shop(), message).value(), {std::move(fields)});
  return made ? status{} : fail(made.error());
}

}  // namespace

TEST_CASE("rows go out as Protobuf messages, and what is null is not written") {
  const auto encoder = make_row_encoder(spec(), columns_out).value();
  std::string first, second;
  encoder->append(first, rows_out(), 0);
  encoder->append(second, rows_out(), 1);
  CHECK(second.empty());
  CHECK(json_of(first) ==
        R"({"id":-7,"k":"","price":2.5,"weight":0,"paid":true,"proof":"\\x00ff","state":"UNKNOWN",)"
        R"("at":"1969-12-31T23:59:59.999999Z","wait":"-00:00:01.5","counts":[],"items":[],"stock":{},"shelves":{},)"
        R"("by":"[1]","maybe":0,"delta":0,"serial":0})");
  auto framed = spec("shop.Order", "confluent");
  CHECK(make_row_encoder(framed, columns_out).error().code == errc::corrupt);
  framed.options["schema_id"] = "258";
  std::string third;
  make_row_encoder(framed, columns_out).value()->append(third, rows_out(), 0);
  CHECK(third == bytes("00000001020202") + first);
  CHECK(key_format_of(framed) == format_spec{"json", {}});
}

TEST_CASE("columns go to fields that hold whatever they may, else the error says what would") {
  CHECK(fit({{"at", data_type::timestamptz}, {"id", data_type::timestamptz}, {"by", data_type::text}}));
  for (const auto& [column, wanted] : std::vector<std::pair<field, std::string>>{
           {{"nothing", data_type::text}, "is no field of message shop.Order"},
           {{"delta", data_type::bigint}, "it should be int64"},
           {{"parcel", data_type::bigint}, "it should be int64"},
           {{"weight", data_type::double_precision}, "it should be double"},
           {{"items", data_type::json}, "it should be string"},
           {{"counts", data_type::bigint}, "it should be int64"},
           {{"extra", data_type::json}, "it should be string"},
           {{"state", data_type::text}, "it should be string"},
           {{"proof", data_type::text}, "it should be string"},
           {{"wait", data_type::timestamptz}, "it should be google.protobuf.Timestamp"},
           {{"k", data_type::bytea}, "it should be bytes"}}) {
    const auto refused = fit({column});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text().find(wanted) != std::string::npos);
  }
}

TEST_CASE("the sources of a message's file are what a registry takes") {
  const auto sources = protobuf_type::parse(shop(), "shop.Total").value()->sources();
  REQUIRE(sources.size() == 1);
  CHECK(sources[0].name == "shop.proto");
  CHECK(sources[0].imports.empty());
  CHECK(sources[0].text.find("message Total {") != std::string::npos);
}
