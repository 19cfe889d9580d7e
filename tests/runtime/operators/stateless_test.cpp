#include <catch2/catch.hpp>

#include "tests/support/operator_runs.hpp"

using namespace weir;
using namespace weir::testing;

namespace {

using texts = std::vector<std::string>;

view_plan filtered() {
  view_plan p;
  p.name = "big";
  p.input_columns = stream_schema();
  p.output_columns = make_schema({{"image", data_type::text}, {"inverse", data_type::double_precision}});
  p.where = predicate([](const record_batch& b, std::size_t row) { return b.columns[3]->ints()[row] >= 0; });
  p.output = {image_column(), std::make_shared<row_function>(data_type::double_precision,
                                                             [](const record_batch& b, std::size_t row, column& out) {
                                                               const auto n = b.columns[3]->ints()[row];
                                                               if (n == 0) return std::string("division by zero");
                                                               out.push_double(1.0 / static_cast<double>(n));
                                                               return std::string();
                                                             })};
  return p;
}

test_row row(std::int64_t number, std::string image, std::int8_t sign = 1) {
  test_row r;
  r.number = number;
  r.image = std::move(image);
  r.event_time_us = number * 10;
  r.sequence = static_cast<std::uint64_t>(100 + number);
  r.late = late_for_stream;
  r.sign = sign;
  return r;
}

}  // namespace

TEST_CASE("a stateless view filters and projects, and hands stamps on") {
  auto op = make_view_operator(filtered(), {});
  operator_output out;
  REQUIRE(op->process(make_batch({row(-1, "no"), row(2, "x"), row(4, "y")}), out));
  CHECK(rows_of(out) == texts{"x|0.5", "y|0.25"});
  CHECK(out.rows.event_time_us == std::vector<std::int64_t>{20, 40});
  CHECK(out.rows.sequence == std::vector<std::uint64_t>{102, 104});
  CHECK(out.rows.late == std::vector<std::uint8_t>{late_for_stream, late_for_stream});
  CHECK(out.late.empty());
  CHECK(out.keys.empty());
}

TEST_CASE("a row that an expression fails on is a dead letter with its original bytes") {
  auto op = make_view_operator(filtered(), {});
  operator_output out;
  REQUIRE(op->process(make_batch({row(0, "zero"), row(2, "x")}, true), out));
  CHECK(rows_of(out) == texts{"x|0.5"});
  REQUIRE(out.dead.size() == 1);
  CHECK(out.dead[0].reason == "division by zero");
  CHECK(out.dead[0].original == "raw 100");
}

TEST_CASE("over an upsert view each signed row is handed on, with its key") {
  auto plan = filtered();
  plan.input_kind = plan.kind = view_kind::upsert;
  plan.key_columns = {0};
  auto op = make_view_operator(plan, {});
  operator_output out;
  REQUIRE(op->process(make_batch({row(2, "x", -1), row(4, "x"), row(-3, "y", -1), row(5, "y")}), out));
  CHECK(rows_of(out) == texts{"- x|0.5", "+ x|0.25", "+ y|0.2"});
  REQUIRE(out.keys.size() == 3);
  CHECK(out.keys[0] == out.keys[1]);
  CHECK(out.keys[1] != out.keys[2]);
}

TEST_CASE("outputs of several calls stand one behind the other") {
  auto op = make_view_operator(filtered(), {});
  operator_output out;
  auto other = row(4, "y");
  other.source = "cam2";
  REQUIRE(op->process(make_batch({row(2, "x")}), out));
  REQUIRE(op->process(make_batch({other}), out));
  CHECK(rows_of(out) == texts{"x|0.5", "y|0.25"});
  CHECK(out.rows.sources->at(out.rows.source[0]) == "cam1");
  CHECK(out.rows.sources->at(out.rows.source[1]) == "cam2");
}

TEST_CASE("only grouping by the source needs no shuffle") {
  CHECK_FALSE(needs_shuffle(filtered()));
  CHECK_FALSE(needs_shuffle(grouped_plan({}, {image_column(), source_column()}, {})));
  CHECK(needs_shuffle(grouped_plan({}, {image_column()}, {})));
}
