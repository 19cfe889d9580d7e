// SQL text to plans, and what was planned over rows.
#include "runtime/format/text_value.hpp"
#include "runtime/operators/pull_query.hpp"
#include "runtime/sql/sql.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/rows.hpp"

namespace weir::fuzz {

namespace {

void check_refusal(const error& e) {
  require(!e.message.empty() && is_valid_utf8(e.text()), "a refusal is no text: {}", e.text());
  require(e.code != errc::internal, "a refusal is a defect: {}", e.text());
}

// Rows of every type: the ends of each, nulls, and something plain.
record_batch extreme_rows(const schema_ptr& columns) {
  constexpr std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                         most = std::numeric_limits<std::int64_t>::max();
  constexpr double infinity = std::numeric_limits<double>::infinity();
  constexpr std::int64_t ints[] = {least, most, 0, -1, 3, 86'400'000'000};
  constexpr std::int64_t times[] = {-62'135'596'800'000'000, 253'402'300'799'999'999, 0, -1, 1'709'210'096'789'012, 1};
  const double doubles[] = {-infinity, infinity, std::numeric_limits<double>::quiet_NaN(), -0.0, 2.5, 1e308};
  constexpr std::string_view texts[] = {"", "a,b", "\xc3\x84pfel \xf0\x9f\x90\xb3", "-12", "2020-02-29 12:00", "%_\\"};
  constexpr std::string_view jsons[] = {"null", R"({"a":[1,{"b":"c"}],"b":"d"})", "[]", "-1e2", R"("\ud83d\udc33")",
                                        "{}"};
  constexpr std::string_view bytes[] = {"", std::string_view("\0\xff", 2), "a", "b", "c", "dd"};
  batch_builder out(columns);
  for (std::size_t row = 0; row < 7; ++row) {
    for (std::size_t c = 0; c < columns->fields.size(); ++c) {
      const auto i = (row + c) % 6;
      const auto& f = columns->fields[c];
      if (row == 6 && !f.not_null) {
        out.at(c).push_null();
        continue;
      }
      switch (f.type) {
        case data_type::boolean: out.at(c).push_int(static_cast<std::int64_t>(i % 2)); break;
        case data_type::bigint:
        case data_type::interval: out.at(c).push_int(ints[i]); break;
        case data_type::timestamptz: out.at(c).push_int(times[i]); break;
        case data_type::double_precision: out.at(c).push_double(doubles[i]); break;
        case data_type::text: out.at(c).push_text(texts[i]); break;
        case data_type::json: out.at(c).push_text(jsons[i]); break;
        case data_type::bytea: out.at(c).push_text(bytes[i]); break;
      }
    }
    out.row_done();
  }
  return out.finish();
}

void run_planned(const view_plan& plan, const catalog& known) {
  const auto stream = known.streams.find(plan.input);
  const auto view = known.views.find(plan.input);
  if (plan.input_is_stream && stream != known.streams.end())
    run_view(plan, stamped(extreme_rows(stream->second.columns)));
  // Rows of an upsert view come with signs, which a task gives them; the sql cases test those.
  if (!plan.input_is_stream && view != known.views.end() && view->second.kind == view_kind::append)
    run_view(plan, stamped(extreme_rows(view->second.output_columns)));
}

}  // namespace

// A file of definitions, or a query, over the streams and views of runtime/sql/words.hpp.
void run_sql(std::string_view bytes) {
  auto known = names();
  if (const auto script = plan_script(bytes, known)) {
    for (const auto& s : *script) {
      if (const auto* stream = std::get_if<stream_definition>(&s))
        known.streams.insert_or_assign(stream->name, *stream);
      if (const auto* view = std::get_if<view_plan>(&s)) {
        known.views.insert_or_assign(view->name, *view);
        run_planned(*view, known);
      }
    }
  } else {
    check_refusal(script.error());
  }
  const auto query = plan_query(bytes, names());
  if (!query) return check_refusal(query.error());
  const auto& view = names().views.find(query->view)->second;
  const auto rows = run_pull_query(*query, extreme_rows(view.output_columns));
  if (!rows) return check_refusal(rows.error());
  check_round_trips(*rows);
}

}  // namespace weir::fuzz
