// Protobuf: descriptor sets, frames, and messages of their types.
#include "runtime/format/json_scanner.hpp"
#include "runtime/format/json_writer.hpp"
#include "runtime/format/protobuf_frame.hpp"
#include "runtime/format/protobuf_reader.hpp"
#include "runtime/format/text_value.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/rows.hpp"

namespace weir::fuzz {

namespace {

// What becomes JSON is JSON, and the same each time, also of a reader that has read others before.
void check_message(const std::shared_ptr<const protobuf_type>& type, protobuf_reader& used, std::string_view bytes) {
  std::string text, again;
  const auto good = used.to_json(bytes, text);
  const auto same = protobuf_reader(type).to_json(bytes, again);
  require(good.has_value() == same.has_value(), "a message is read in two ways");
  if (!good) return require(!good.error().message.empty(), "a message is refused without a word");
  require(text == again, "a message becomes two texts");
  require(is_valid_utf8(text), "what comes of a message is no UTF-8");
  const auto opened = std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; });
  if (opened <= max_json_depth)
    require(check_json(text).has_value(), "no JSON comes of a message: {}", text.substr(0, 200));
}

}  // namespace

// A line with the message's name, a descriptor set behind its length, whether records are framed, then records, each
// behind its length.
void run_protobuf(std::string_view bytes) {
  input in(bytes);
  const std::string name(in.line());
  const auto set = in.piece();
  const bool framed = in.choice(2) == 1;
  const auto type = protobuf_type::parse(set, name);
  if (!type) return require(!type.error().message.empty(), "a descriptor set is refused without a word");
  const auto kept = (*type)->descriptor_set();
  require(protobuf_type::parse(kept, name).has_value(), "what is kept of a descriptor set is none");
  protobuf_reader reader(*type);
  raw_records records;
  while (!in.empty() && records.size() < 100) {
    const auto record = in.piece();
    auto message = record;
    if (!framed || remove_protobuf_frame(message, (*type)->path())) check_message(*type, reader, message);
    records.append(record);
  }
  std::string text;
  append_bytea_text(text, kept);
  const auto decoder = make_record_decoder(
      {"protobuf",
       {{"descriptors", "x"}, {"message", name}, {"framing", framed ? "confluent" : "none"}, {"descriptor_set", text}}},
      every_type(), {}, true);
  require(decoder.has_value(), "a stream of a type that is known is refused");
  check_round_trips(decode_checked(**decoder, every_type(), records));
}

}  // namespace weir::fuzz
