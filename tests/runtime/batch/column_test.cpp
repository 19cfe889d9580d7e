#include "runtime/batch/column.hpp"

#include <catch2/catch.hpp>

using namespace weir;

namespace {

column texts_with_null() {
  column c(data_type::text);
  c.push_text("one");
  c.push_null();
  c.push_text("");
  c.push_text("four");
  return c;
}

schema_ptr two_columns() {
  auto s = std::make_shared<schema>();
  s->fields = {{"text", data_type::text}, {"number", data_type::bigint}};
  return s;
}

}  // namespace

TEST_CASE("a column keeps validity only once it holds a null") {
  column c(data_type::bigint);
  c.push_int(1);
  CHECK_FALSE(c.has_nulls());
  c.push_null();
  c.push_int(3);
  CHECK(c.has_nulls());
  CHECK(c.size() == 3);
  CHECK_FALSE(c.is_null(0));
  CHECK(c.is_null(1));
  CHECK_FALSE(c.is_null(2));
  CHECK(c.ints()[1] == 0);
}

TEST_CASE("texts keep their bounds around nulls and empty texts") {
  const auto c = texts_with_null();
  CHECK(c.text(0) == "one");
  CHECK(c.is_null(1));
  CHECK(c.text(1).empty());
  CHECK((!c.is_null(2) && c.text(2).empty()));
  CHECK(c.text(3) == "four");
}

TEST_CASE("gather takes rows in the order that is asked for, nulls too") {
  const std::vector<std::uint32_t> rows{3, 1, 0, 0};
  const auto g = texts_with_null().gather(rows);
  REQUIRE(g.size() == 4);
  CHECK(g.text(0) == "four");
  CHECK(g.is_null(1));
  CHECK(g.text(3) == "one");
  const auto d = column::from_doubles({1.5, 2.5}).gather(std::vector<std::uint32_t>{1});
  CHECK((d.size() == 1 && d.doubles()[0] == 2.5));
}

TEST_CASE("truncate forgets rows, and new ones follow what is left") {
  auto c = texts_with_null();
  c.truncate(2);
  c.push_text("x");
  REQUIRE(c.size() == 3);
  CHECK(c.is_null(1));
  CHECK(c.text(2) == "x");
  c.truncate(5);
  CHECK(c.size() == 3);
}

TEST_CASE("a builder takes back a half-built row") {
  batch_builder b(two_columns());
  b.at(0).push_text("a");
  b.at(1).push_int(1);
  b.row_done();
  b.at(0).push_text("half");
  b.row_failed();
  b.at(0).push_null();
  b.at(1).push_int(2);
  b.row_done();
  const auto rows = b.finish();
  CHECK(rows.rows == 2);
  CHECK(rows.columns[0]->size() == 2);
  CHECK(rows.columns[0]->is_null(1));
  CHECK(rows.columns[1]->ints()[1] == 2);
  CHECK(b.rows() == 0);
  CHECK(b.finish().columns[0]->size() == 0);
}

TEST_CASE("a batch gathers all its columns") {
  batch_builder b(two_columns());
  for (std::int64_t i = 0; i < 3; ++i) {
    b.at(0).push_text(std::to_string(i));
    b.at(1).push_int(i);
    b.row_done();
  }
  const auto g = b.finish().gather(std::vector<std::uint32_t>{2, 0});
  CHECK(g.rows == 2);
  CHECK(g.columns[0]->text(0) == "2");
  CHECK(g.columns[1]->ints()[1] == 0);
}
