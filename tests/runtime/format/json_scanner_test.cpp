#include "runtime/format/json_scanner.hpp"

#include <simdjson.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>
#include <regex>

namespace weir {
namespace {

// Random JSON that uses every part of the grammar.
void append_random_json(std::mt19937_64& random, std::string& out, int depth) {
  static const std::vector<std::string> scalars{"0",
                                                "-0",
                                                "12",
                                                "-7.25",
                                                "1e5",
                                                "2E-3",
                                                "3.5e+2",
                                                "true",
                                                "false",
                                                "null",
                                                "\"\"",
                                                "\"a\"",
                                                "\"\\n\"",
                                                "\"\\u00e9\"",
                                                "\"\\ud83d\\ude00\"",
                                                "\"long enough for words\"",
                                                "\"\\\\\\\"\""};
  static const std::vector<std::string> blanks{"", "", "", " ", "\n", "\t\r"};
  const auto blank = [&] { out += blanks[random() % blanks.size()]; };
  const auto kind = random() % (depth > 3 ? 1 : 3);
  if (kind == 0) {
    out += scalars[random() % scalars.size()];
    return;
  }
  out += kind == 1 ? '{' : '[';
  blank();
  const auto count = random() % 4;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) {
      out += ',';
      blank();
    }
    if (kind == 1) {
      out += "\"key\"";
      blank();
      out += ':';
      blank();
    }
    append_random_json(random, out, depth + 1);
    blank();
  }
  out += kind == 1 ? '}' : ']';
}

TEST_CASE("the scanner accepts exactly the JSON that simdjson's validating parser accepts") {
  std::mt19937_64 random(21);
  simdjson::dom::parser reference;
  const std::string bytes = "{}[]:,\"\\ue0123-+.Etrufalsn \n\x01\x7f";
  int accepted = 0;
  int refused = 0;
  for (int round = 0; round < 60'000; ++round) {
    std::string text;
    append_random_json(random, text, 0);
    for (auto mutations = random() % 3; mutations > 0; --mutations) {
      const auto at = random() % text.size();
      const char c = bytes[random() % bytes.size()];
      if (random() % 3 == 0)
        text.erase(at, 1);
      else if (random() % 2 == 0)
        text.insert(at, 1, c);
      else
        text[at] = c;
      if (text.empty()) text.push_back(' ');
    }
    const auto expected = reference.parse(text).error();
    // A number that overflows a double is no error of grammar.
    static const std::regex huge("[eE]\\+?[0-9]{3}");
    if (expected == simdjson::NUMBER_ERROR && std::regex_search(text, huge)) continue;
    INFO(text << " reference: " << simdjson::error_message(expected));
    const auto found = check_json(text);
    if (!found && expected == simdjson::SUCCESS) {  // it lets some lone surrogates pass
      REQUIRE_THAT(found.error().message, Catch::Contains("surrogate"));
      continue;
    }
    REQUIRE(found.has_value() == (expected == simdjson::SUCCESS));
    ++(found ? accepted : refused);
  }
  CHECK(accepted > 15'000);
  CHECK(refused > 15'000);
}

TEST_CASE("escapes become the text they stand for") {
  const auto text = [](std::string_view raw) {
    std::string out;
    unescape_json(raw, out);
    return out;
  };
  CHECK(text(R"(a\"b\\c\/d\b\f\n\r\t)") == "a\"b\\c/d\b\f\n\r\t");
  CHECK(text(R"(\u0041\u00e9\u20AC\ud83d\ude00!)") == "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80!");
  CHECK(text(R"(\u0000)") == std::string(1, '\0'));
}

TEST_CASE("strings are found to end at every offset and length") {
  for (std::size_t length = 0; length < 40; ++length) {
    for (std::size_t special = 0; special <= length; ++special) {
      std::string body(length, 'x');
      json_scanner::string_token token;
      const std::string quoted = fmt::format("\"{}\",1", body);
      json_scanner in(quoted);
      REQUIRE(in.string(token));
      REQUIRE((token.raw == body && !token.escaped && in.peek() == ','));
      if (special == length) continue;
      body[special] = '\x1f';
      const std::string bad = fmt::format("\"{}\"", body);
      json_scanner control(bad);
      REQUIRE_FALSE(control.string(token));
      body = fmt::format("{}\\\"{}", body.substr(0, special), body.substr(special + 1));
      const std::string escaped = fmt::format("\"{}\"", body);
      json_scanner in_escaped(escaped);
      REQUIRE(in_escaped.string(token));
      REQUIRE((token.raw == body && token.escaped && in_escaped.at_end()));
    }
  }
}

TEST_CASE("nesting has a limit, and what is one level below it passes") {
  const auto nested = [](int depth) {
    return std::string(static_cast<std::size_t>(depth), '[') + std::string(static_cast<std::size_t>(depth), ']');
  };
  CHECK(check_json(nested(max_json_depth)));
  CHECK_THAT(check_json(nested(max_json_depth + 1)).error().message, Catch::Contains("at most 128"));
  CHECK_FALSE(check_json(std::string(1'000'000, '[')));
  CHECK_FALSE(check_json(std::string(1'000'000, '{')));
}

TEST_CASE("a lone surrogate is no text") {
  for (const auto* text :
       {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\u0041")", R"("\ud800\)", R"("\u12)"})
    CHECK_FALSE(check_json(text));
}

TEST_CASE("problems name what was expected, what was found and where") {
  CHECK(check_json("{\"a\":1 2}").error().message ==
        "no valid JSON: expected ',' or '}' behind a field's value, found '2}' at byte 8");
  CHECK(check_json("[1,").error().message == "no valid JSON: expected a value, found the record's end at byte 4");
  CHECK_THAT(check_json("\"\xff\"").error().message, Catch::Contains("UTF-8"));
}

TEST_CASE("numbers of every length are read alike, wherever the text ends") {
  std::mt19937_64 random(5);
  for (std::size_t whole = 1; whole <= 19; ++whole)
    for (std::size_t places = 0; places <= 12; ++places)
      for (std::size_t behind = 0; behind <= 9; ++behind) {
        std::string digits, text;
        for (std::size_t i = 0; i < whole + places; ++i) digits.push_back(static_cast<char>('0' + random() % 10));
        if (digits[0] == '0') digits[0] = '7';
        text = digits.substr(0, whole);
        if (places > 0) text += '.' + digits.substr(whole);
        INFO(text << " and " << behind << " blanks");
        const std::string kept = text + std::string(behind, ' ');
        json_scanner in(kept);
        json_scanner::number_token token;
        REQUIRE(in.number(token));
        CHECK(token.raw == text);
        CHECK(token.integer == (places == 0));
        CHECK(token.places == static_cast<std::ptrdiff_t>(places));
        CHECK(token.short_decimal == (whole + places <= 15));
        if (whole + places <= 19) CHECK(token.digits == std::strtoull(digits.c_str(), nullptr, 10));
      }
}

TEST_CASE("a value that was validated before is passed up to what follows it") {
  for (const std::string value : {"0", "-12.5e+3", "1234567890123456789", "\"a,}\"", "{\"a\":[1,2]}", "[1,{}]", "null"})
    for (const std::string behind : {",\"next field\":1}", "}", " , \"n\":1}", "\t}"}) {
      const auto text = value + behind;
      json_scanner in(text);
      REQUIRE(in.pass_value());
      CHECK(text.substr(static_cast<std::size_t>(in.position() - text.data())) == behind);
    }
}

}  // namespace
}  // namespace weir
