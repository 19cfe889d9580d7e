// Runs of operators, and their rows as comparable texts.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "runtime/format/json_writer.hpp"
#include "tests/support/plan_builder.hpp"

namespace weir::testing {

// Bit for bit but for NaN payloads; timestamps as microseconds, they are shorter to write down.
inline std::string row_text(const record_batch& rows, std::size_t row) {
  std::string out;
  for (const auto& c : rows.columns) {
    if (!out.empty() || &c != &rows.columns.front()) out += "|";
    if (c->is_null(row))
      out += "null";
    else if (c->type() == data_type::timestamptz)
      out += fmt::format("{}", c->ints()[row]);
    else
      append_value_text(out, *c, row);
  }
  return out;
}

// Rows of an upsert view begin with their sign.
inline std::vector<std::string> rows_of(const operator_output& out) {
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < out.rows.size(); ++i) {
    const std::string sign = out.rows.sign.empty() ? "" : out.rows.sign[i] < 0 ? "- " : "+ ";
    texts.push_back(sign + row_text(out.rows.rows, i));
  }
  return texts;
}

// What a standby's operator does with the changes of another one's cut.
inline status follow(view_operator& op, const std::vector<state_change>& changes) {
  for (const auto& c : changes) op.forget(c.key);
  for (const auto& c : changes)
    if (c.value) WEIR_TRY_VOID(op.restore(c.key, *c.value));
  return {};
}

}  // namespace weir::testing
