#include "runtime/batch/key_codec.hpp"

#include <bit>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>
#include <random>

using namespace weir;

namespace {

// Three columns of random values, nulls among them, few enough that equal ones meet.
record_batch random_rows(std::mt19937_64& random, std::size_t count) {
  column texts(data_type::text), numbers(data_type::bigint), reals(data_type::double_precision);
  const double special[] = {0.0,
                            -0.0,
                            1.5,
                            -1.5,
                            5e-324,
                            -5e-324,
                            1e308,
                            std::numeric_limits<double>::infinity(),
                            -std::numeric_limits<double>::infinity(),
                            std::nan("1")};
  const std::int64_t whole[] = {
      0, 1, -1, 255, 256, -256, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()};
  for (std::size_t i = 0; i < count; ++i) {
    if (random() % 5 == 0) {
      texts.push_null();
    } else {
      std::string text;
      for (std::size_t n = random() % 4; n > 0; --n)
        text.push_back(
            "\0\x01\xff"
            "ab"[random() % 5]);
      texts.push_text(text);
    }
    random() % 5 == 0 ? numbers.push_null() : numbers.push_int(whole[random() % 8]);
    random() % 5 == 0 ? reals.push_null() : reals.push_double(special[random() % 10]);
  }
  auto s = std::make_shared<schema>();
  s->fields = {{"t", data_type::text}, {"n", data_type::bigint}, {"r", data_type::double_precision}};
  return {s,
          {std::make_shared<const column>(std::move(texts)), std::make_shared<const column>(std::move(numbers)),
           std::make_shared<const column>(std::move(reals))},
          count};
}

template <class T>
int order(T a, T b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

// PostgreSQL's order, nulls last.
int compare(const column& c, std::size_t a, std::size_t b) {
  if (c.is_null(a) || c.is_null(b)) return order<int>(c.is_null(a), c.is_null(b));
  if (c.type() == data_type::text) return order(c.text(a), c.text(b));
  if (c.type() == data_type::bigint) return order(c.ints()[a], c.ints()[b]);
  const double x = c.doubles()[a], y = c.doubles()[b];
  if (std::isnan(x) || std::isnan(y)) return order<int>(std::isnan(x), std::isnan(y));
  return order(x, y);
}

const std::vector<std::size_t> all{0, 1, 2};

}  // namespace

TEST_CASE("keys sort as their values do, column by column, nulls last") {
  std::mt19937_64 random(41);
  for (int round = 0; round < 50; ++round) {
    const auto rows = random_rows(random, 40);
    for (std::size_t a = 0; a < rows.rows; ++a)
      for (std::size_t b = 0; b < rows.rows; ++b) {
        int expected = 0;
        for (const auto c : all)
          if (expected == 0) expected = compare(*rows.columns[c], a, b);
        const int found = encode_key(rows, all, a).compare(encode_key(rows, all, b));
        REQUIRE(order(found, 0) == expected);
      }
  }
}

TEST_CASE("a decoded key is the value it was made of, -0.0 as 0.0") {
  std::mt19937_64 random(42);
  const auto rows = random_rows(random, 500);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    const auto key = encode_key(rows, all, i);
    std::string_view rest = key, skipped = key;
    for (const auto c : all) {
      column out(rows.columns[c]->type());
      REQUIRE(decode_key(rest, out));
      REQUIRE(skip_key(skipped, out.type()));
      REQUIRE(skipped == rest);
      column both(out.type());
      both.push_from(*rows.columns[c], i);
      both.push_from(out, 0);
      REQUIRE(compare(both, 0, 1) == 0);
      if (out.type() == data_type::double_precision && !out.is_null(0) && out.doubles()[0] == 0)
        REQUIRE_FALSE(std::signbit(out.doubles()[0]));
    }
    REQUIRE(rest.empty());
  }
}

TEST_CASE("damaged keys are corrupt, never read past their end") {
  std::mt19937_64 random(43);
  const auto rows = random_rows(random, 200);
  for (std::size_t i = 0; i < rows.rows; ++i) {
    auto key = encode_key(rows, all, i);
    key.resize(random() % key.size());
    std::string_view rest = key, skipping = key;
    status read, skipped;
    for (const auto c : all) {
      column out(rows.columns[c]->type());
      if (read) read = decode_key(rest, out);
      if (skipped) skipped = skip_key(skipping, out.type());
    }
    REQUIRE_FALSE(read);
    CHECK(read.error().code == errc::corrupt);
    REQUIRE_FALSE(skipped);
    CHECK(skipped.error().message == read.error().message);
  }
  column out(data_type::bigint);
  std::string_view unknown_tag("\x07", 1);
  CHECK_FALSE(skip_key(unknown_tag, data_type::bigint));
  unknown_tag = std::string_view("\x07", 1);
  CHECK_FALSE(decode_key(unknown_tag, out));
}

TEST_CASE("the stable hash never changes: it decides where groups live") {
  CHECK(stable_hash("") == 0xecba3df2c3383c52u);
  CHECK(stable_hash("a") == 0xed8170de1919a24du);
  CHECK(stable_hash("camera-\xff") == 0x381aa73110fd66e7u);
}
