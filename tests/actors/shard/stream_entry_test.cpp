#include "actors/shard/stream_entry.hpp"

#include <catch2/catch.hpp>

#include "runtime/operators/byte_codec.hpp"
#include "runtime/time/timestamp.hpp"

using namespace weir;

namespace {

stream_entry two_records(std::int64_t event_time_us) {
  stream_entry e;
  e.first_number = 5;
  e.source = "north";
  e.records.append("first");
  e.records.append("second");
  e.sequence = {0, 1};
  e.event_time_us = {0, event_time_us};
  e.late = {0, late_for_stream};
  return e;
}

// An entry of two records whose lengths stand there as given.
std::string with_lengths(std::uint64_t first, std::uint64_t second, std::string_view records) {
  std::string out;
  put_u8(out, 1);
  put_varint(out, 0);                              // first number
  for (int i = 0; i < 3; ++i) put_bytes(out, "");  // source, format, context
  put_varint(out, 0);                              // first sequence
  for (int i = 0; i < 3; ++i) put_zigzag(out, 0);  // arrival, the stream's clock
  put_varint(out, 0);                              // source clocks
  put_varint(out, 0);                              // marks
  put_varint(out, 2);
  for (const auto length : {first, second}) {
    put_varint(out, length);
    put_zigzag(out, 0);
    put_varint(out, 0);
  }
  return out.append(records);
}

}  // namespace

TEST_CASE("an entry comes back from its bytes") {
  const auto back = decode_entry(encode_entry(two_records(timestamp_max_us)));
  REQUIRE(back);
  CHECK(back->records[1] == "second");
  CHECK(back->event_time_us[1] == timestamp_max_us);
  CHECK(back->next_number() == 7);
  CHECK(decode_entry(with_lengths(2, 3, "abcde"))->records[1] == "cde");
}

TEST_CASE("lengths that cannot be are refused, also where their sum would fit again") {
  CHECK(decode_entry(with_lengths(6, 0, "abcde")).error().code == errc::corrupt);
  CHECK(decode_entry(with_lengths(5, ~std::uint64_t{0}, "abcd")).error().code == errc::corrupt);
  CHECK(decode_entry(with_lengths(10, ~std::uint64_t{0} - 4, "abcde")).error().code == errc::corrupt);
}

TEST_CASE("event times that no record can have are refused") {
  CHECK(decode_entry(encode_entry(two_records(timestamp_max_us + 1))).error().code == errc::corrupt);
  CHECK(decode_entry(encode_entry(two_records(timestamp_min_us - 1))).error().code == errc::corrupt);
}
