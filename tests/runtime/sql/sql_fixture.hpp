// Plans and expressions for tests: statements over a catalog, expressions over rows written as JSON texts.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/sql/casts.hpp"
#include "runtime/sql/sql.hpp"
#include "runtime/sql/words.hpp"

namespace weir::testing {

inline void add_to(catalog& names, const statement& planned) {
  if (const auto* stream = std::get_if<stream_definition>(&planned))
    names.streams.insert_or_assign(stream->name, *stream);
  if (const auto* view = std::get_if<view_plan>(&planned)) names.views.insert_or_assign(view->name, *view);
}

inline catalog catalog_of(std::string_view script) {
  catalog out;
  auto planned = plan_script(script, {});
  if (!planned) FAIL(planned.error().text());
  for (const auto& p : *planned) add_to(out, p);
  return out;
}

// The last statement of a script over what its other statements make.
inline view_plan view_of(std::string_view script, const catalog& known = {}) {
  auto planned = plan_script(script, known);
  if (!planned) FAIL(planned.error().text());
  REQUIRE(std::holds_alternative<view_plan>(planned->back()));
  return std::get<view_plan>(planned->back());
}

inline error error_of(std::string_view script, const catalog& known = {}) {
  const auto planned = plan_script(script, known);
  INFO(script);
  REQUIRE_FALSE(planned.has_value());
  return planned.error();
}

inline error query_error_of(std::string_view sql, const catalog& known) {
  const auto planned = plan_query(sql, known);
  INFO(sql);
  REQUIRE_FALSE(planned.has_value());
  return planned.error();
}

inline std::string shown(const column& values, std::size_t row) {
  if (values.is_null(row)) return "NULL";
  std::string out;
  append_cast_text(out, values, row);
  return out;
}

// A column of the type from texts, "NULL" for null.
inline column_ptr column_of(data_type type, const std::vector<std::string>& texts) {
  column out(type);
  for (const auto& text : texts) {
    if (text == "NULL") {
      out.push_null();
      continue;
    }
    column one(data_type::text);
    one.push_text(text);
    std::vector<row_error> errors;
    const auto typed = make_cast(make_literal(std::move(one)), type)->evaluate(record_batch{nullptr, {}, 1}, errors);
    REQUIRE(errors.empty());
    out.push_from(*typed, 0);
  }
  return std::make_shared<const column>(std::move(out));
}

// What an expression answers for one row without columns: its text, NULL, or "error: ...".
inline std::string answer_of(std::string_view expression) {
  static const catalog names = catalog_of(words_catalog);
  const auto planned =
      plan_script(fmt::format("CREATE MATERIALIZED VIEW e AS SELECT {} AS y FROM t", expression), names);
  if (!planned) return fmt::format("refused: {}", planned.error().message);
  const auto& plan = std::get<view_plan>(planned->front());
  std::vector<row_error> errors;
  record_batch input{plan.input_columns, {}, 1};
  const auto values = plan.output[0]->evaluate(input, errors);
  if (!errors.empty()) return fmt::format("error: {}", errors[0].reason);
  return shown(*values, 0);
}

}  // namespace weir::testing
