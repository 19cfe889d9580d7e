#include "runtime/format/csv_row.hpp"
#include "tests/runtime/format/format_fixture.hpp"

namespace weir {
namespace {

using Catch::Contains;

const format_spec csv{"csv", {}};

schema_ptr one(data_type type, bool not_null = false) { return make_schema({{"v", type, not_null}}); }

TEST_CASE("columns are found by the header's names, not by their place") {
  const auto s = make_schema({{"tmp", data_type::double_precision, false},
                              {"name", data_type::text, false},
                              {"absent", data_type::bigint, false},
                              {"Exact", data_type::bigint, false}});
  const std::string header = "\xef\xbb\xbf\"NAME\", TMP ,exact,Exact,\"q\"\"q\",\r\n";
  const auto out = decode_texts(csv, s, {"\"WXPOD 7026, \"\"AF\"\"\", +0020.5,1,2,,", "\"two\nlines\",,,,,\r"}, header);
  REQUIRE(out.failures.empty());
  CHECK(out.rows.columns[0]->doubles()[0] == 20.5);
  CHECK(out.rows.columns[0]->is_null(1));
  CHECK(out.rows.columns[1]->text(0) == "WXPOD 7026, \"AF\"");
  CHECK(out.rows.columns[1]->text(1) == "two\nlines");
  CHECK(out.rows.columns[2]->is_null(0));
  CHECK(out.rows.columns[3]->ints()[0] == 2);
}

TEST_CASE("an empty cell is null, a quoted empty cell is the empty text") {
  const auto s = make_schema({{"a", data_type::text, false}, {"b", data_type::bigint, false}});
  const auto out = decode_texts(csv, s, {",", "\"\",\"\""}, "a,b");
  REQUIRE(out.failures.empty());
  CHECK((out.rows.columns[0]->is_null(0) && out.rows.columns[1]->is_null(0)));
  CHECK((!out.rows.columns[0]->is_null(1) && out.rows.columns[0]->text(1).empty()));
  CHECK(out.rows.columns[1]->is_null(1));
}

TEST_CASE("a malformed row is refused and says why") {
  CHECK(refusal(csv, one(data_type::bigint), "1,2", "v,w,x") == "expected 3 cells as in the header, found 2");
  CHECK(refusal(csv, one(data_type::bigint), "1,2,3,4", "v,w,x") == "expected 3 cells as in the header, found 4");
  CHECK(refusal(csv, one(data_type::bigint), "x,2", "v,w") == "field 'v': expected an integer (bigint), found 'x'");
  CHECK_THAT(refusal(csv, one(data_type::bigint), "1,\"2", "v,w"), Contains("cell 2: its quote is not closed"));
  CHECK_THAT(refusal(csv, one(data_type::bigint), "\"1\"2,3", "v,w"), Contains("cell 1: expected ',' behind"));
  CHECK_THAT(refusal(csv, one(data_type::text), "\xff,1", "v,w"), Contains("field 'v'") && Contains("UTF-8"));
  CHECK_THAT(refusal(csv, one(data_type::text, true), ",1", "v,w"), Contains("is empty, but NOT NULL"));
  CHECK_THAT(refusal(csv, one(data_type::text, true), "0,1", "u,w"), Contains("not in the header, but NOT NULL"));
  CHECK(refusal(csv, one(data_type::text), "x,\xff", "v,w").empty());
}

TEST_CASE("a bad row takes nothing of its neighbours with it") {
  const auto s = make_schema({{"a", data_type::text, false}, {"b", data_type::bigint, false}});
  const auto out = decode_texts(csv, s, {"x,1", "y,bad", "z,3"}, "a,b");
  CHECK(out.decoded == std::vector<std::uint32_t>{0, 2});
  CHECK((out.rows.columns[0]->text(1) == "z" && out.rows.columns[1]->ints()[1] == 3));
}

TEST_CASE("a header that cannot be used is an error before the first row") {
  const auto error_of = [](std::string_view header, const char* column) {
    const auto made = make_record_decoder(csv, make_schema({{column, data_type::text, false}}), header, true);
    return made ? "" : made.error().message;
  };
  CHECK(error_of("a,b,c,b,a", "a") == "the CSV header names columns twice: a, b");
  CHECK_THAT(error_of("", "a"), Contains("header line"));
  CHECK_THAT(error_of("\xff", "a"), Contains("UTF-8"));
  CHECK_THAT(error_of("\"a", "a"), Contains("malformed"));
  CHECK_THAT(error_of("Tmp,TMP", "tmp"), Contains("'Tmp' or 'TMP'"));
  CHECK(error_of("Tmp,TMP", "TMP").empty());
  CHECK(error_of("a,,", "a").empty());
}

TEST_CASE("the delimiter is an option") {
  const auto s = make_schema({{"b", data_type::double_precision, false}});
  const auto out = decode_texts({"csv", {{"delimiter", ";"}}}, s, {"1,5;2.5"}, "a;b");
  REQUIRE(out.failures.empty());
  CHECK(out.rows.columns[0]->doubles()[0] == 2.5);
}

TEST_CASE("a quote inside a cell without quotes is a letter") {
  std::vector<csv_cell> cells;
  REQUIRE(split_csv_row("5\" pipe,\"a,\"\"b\"", ',', cells));
  std::string scratch;
  REQUIRE(cells.size() == 2);
  CHECK(csv_text(cells[0], scratch) == "5\" pipe");
  CHECK(csv_text(cells[1], scratch) == "a,\"b");
  REQUIRE(split_csv_row("", ',', cells));
  CHECK(cells.size() == 1);
  REQUIRE(split_csv_row("\"\"\"\"", ',', cells));
  CHECK(csv_text(cells[0], scratch) == "\"");
}

}  // namespace
}  // namespace weir
