// Single values: texts to typed values, keys, and stored values.
#include <cmath>

#include "runtime/batch/key_codec.hpp"
#include "runtime/format/json_writer.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/operators/value_codec.hpp"
#include "runtime/sql/casts.hpp"
#include "runtime/sql/time_format.hpp"
#include "runtime/time/timestamp.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/rows.hpp"

namespace weir::fuzz {

namespace {

constexpr data_type types[] = {data_type::boolean, data_type::bigint,      data_type::double_precision,
                               data_type::text,    data_type::timestamptz, data_type::interval,
                               data_type::json,    data_type::bytea};

void check_times(std::string_view text) {
  if (const auto t = parse_timestamp(text)) {
    require(*t >= timestamp_min_us && *t <= timestamp_max_us, "'{}' is read as a time out of range", text);
    const auto again = parse_timestamp(format_timestamp(*t));
    require(again && *again == *t, "'{}' is written as another time", text);
    require(from_civil(to_civil(*t)) == *t, "'{}' is another time in its civil form", text);
    if (const auto pattern = time_format::parse(text)) {
      std::string out;
      pattern->append(out, *t);
    }
  }
  if (const auto d = parse_interval(text)) {
    const auto again = parse_interval(format_interval(*d));
    require(again && *again == *d, "'{}' is {} us, written as {}", text, *d, format_interval(*d));
  }
  if (const auto pattern = time_format::parse(text)) {
    for (const auto t : {timestamp_min_us, std::int64_t{0}, std::int64_t{1'709'210'096'789'012}, timestamp_max_us}) {
      std::string out;
      pattern->append(out, t);
      require(is_valid_utf8(out) || !is_valid_utf8(text), "to_char answers no text for '{}'", text);
    }
  }
}

void check_text_value(data_type type, std::string_view text, timestamp_numbers numbers) {
  column value(type);
  const auto done = push_text_value(value, text, numbers);
  require(value.size() == (done ? 1u : 0u), "a text value pushes {} values", value.size());
  if (!done) return require(is_valid_utf8(done.error().text()), "an error is no text");
  std::string written;
  append_value_text(written, value, 0);
  column again(type);
  require(push_text_value(again, written).has_value(), "{} '{}' is written as '{}', which is refused", to_string(type),
          quoted_excerpt(text), quoted_excerpt(written));
  std::string json, json_again;
  append_json_value(json, value, 0);
  append_json_value(json_again, again, 0);
  require(json == json_again, "{} '{}' is written as '{}', which is another", to_string(type), quoted_excerpt(text),
          quoted_excerpt(written));
  std::string cast;
  append_cast_text(cast, value, 0);
}

// One value of the type, from the bytes; nothing when they are none.
bool push_value(column& out, input& in) {
  byte_reader reader(in.piece());
  read_value(reader, out);
  return reader.ok() && out.size() == 1;
}

int order_of(const column& a, const column& b) {
  if (a.is_null(0) || b.is_null(0)) return static_cast<int>(a.is_null(0)) - static_cast<int>(b.is_null(0));
  if (is_text_like(a.type())) return a.text(0).compare(b.text(0));
  if (a.type() != data_type::double_precision) return a.ints()[0] < b.ints()[0] ? -1 : a.ints()[0] > b.ints()[0];
  const double x = a.doubles()[0], y = b.doubles()[0];
  if (std::isnan(x) || std::isnan(y)) return static_cast<int>(std::isnan(x)) - static_cast<int>(std::isnan(y));
  return x < y ? -1 : x > y;
}

int sign(int n) { return (n > 0) - (n < 0); }

void check_key(data_type type, std::string_view bytes) {
  input in(bytes);
  column a(type), b(type);
  if (!push_value(a, in) || !push_value(b, in)) return;
  std::string key_a, key_b, stored;
  append_key(key_a, a, 0);
  append_key(key_b, b, 0);
  require(sign(key_a.compare(key_b)) == sign(order_of(a, b)), "keys of {} sort otherwise than their values",
          to_string(type));
  std::string_view rest = key_a;
  column back(type);
  require(decode_key(rest, back) && rest.empty() && order_of(a, back) == 0, "a key of {} does not come back",
          to_string(type));
  put_value(stored, a, 0);
  byte_reader reader(stored);
  column again(type);
  read_value(reader, again);
  std::string stored_again;
  put_value(stored_again, again, 0);
  require(reader.ok() && reader.at_end() && stored == stored_again, "a stored {} does not come back", to_string(type));
}

}  // namespace

// How numbers are read as times, then a text.
void run_values(std::string_view bytes) {
  input in(bytes);
  const auto numbers = static_cast<timestamp_numbers>(in.choice(4));
  for (const auto type : types) check_text_value(type, in.rest(), numbers);
  check_times(in.rest());
  require(is_valid_utf8(quoted_excerpt(in.rest())), "an excerpt for errors is no text");
}

// A type, then two stored values; and the same bytes as a key of that type.
void run_keys(std::string_view bytes) {
  input in(bytes);
  const auto type = types[in.choice(std::size(types))];
  check_key(type, in.rest());
  column value(type);
  std::string_view rest = in.rest();
  if (!decode_key(rest, value)) return require(value.size() == 0, "a key that cannot be left a value");
  require(value.size() == 1, "a key gave {} values", value.size());
  std::string key;
  append_key(key, value, 0);
  column again(type);
  std::string_view written = key;
  require(decode_key(written, again) && written.empty() && order_of(value, again) == 0, "a key does not come back");
}

}  // namespace weir::fuzz
