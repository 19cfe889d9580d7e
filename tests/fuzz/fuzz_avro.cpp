// Avro: schemas and what was written with them.
#include "runtime/format/avro_datum.hpp"
#include "runtime/format/json_scanner.hpp"
#include "runtime/format/text_value.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/rows.hpp"

namespace weir::fuzz {

namespace {

// What becomes JSON is JSON, the same each time, and no longer than its bytes allow.
void check_datum(const avro_schema& writer, std::string_view datum) {
  std::string text, again;
  const auto good = avro_to_json(writer.root(), datum, text);
  require(good.has_value() == avro_to_json(writer.root(), datum, again).has_value(), "a datum is read in two ways");
  if (!good) return require(!good.error().message.empty(), "a datum is refused without a word");
  require(text == again, "a datum becomes two texts");
  const auto opened = std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; });
  require(is_valid_utf8(text), "what comes of a datum is no UTF-8");
  if (opened <= max_json_depth)
    require(check_json(text).has_value(), "no JSON comes of a datum: {}", text.substr(0, 200));
}

}  // namespace

// A line with the schema, one with the number of the view that the rows go to, then records, each behind its length.
void run_avro(std::string_view bytes) {
  input in(bytes);
  const auto schema_text = in.line();
  const auto view = in.choice(view_count());
  const auto writer = avro_schema::parse(schema_text);
  if (!writer) return require(!writer.error().message.empty(), "a schema is refused without a word");
  raw_records records;
  while (!in.empty() && records.size() < 1'000) {
    const auto datum = in.piece();
    check_datum(**writer, datum);
    records.append(datum);
  }
  auto decoder = make_record_decoder({"avro", {{"timestamps", "us"}}}, every_type(), schema_text, true);
  if (!decoder)
    return require((*writer)->root().kind != avro_kind::record || schema_text.empty(), "a record is refused");
  const auto rows = decode_checked(**decoder, every_type(), records);
  check_round_trips(rows);
  evaluate(stamped(rows), view);
}

}  // namespace weir::fuzz
