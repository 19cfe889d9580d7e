// Plans and rows made by hand, for tests of operators that shall not depend on the SQL front end.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/operators/view_operator.hpp"

namespace weir::testing {

// The column itself.
class column_reference final : public expression {
 public:
  column_reference(std::size_t index, data_type type) : index_(index), type_(type) {}
  data_type type() const override { return type_; }
  column_ptr evaluate(const record_batch& input, std::vector<row_error>&) const override {
    return input.columns[index_];
  }
  bool can_fail() const override { return false; }
  std::optional<std::size_t> input_column() const override { return index_; }

 private:
  std::size_t index_;
  data_type type_;
};

// Any function of a row: gives a value by pushing it, or a reason by returning one.
class row_function final : public expression {
 public:
  using function = std::function<std::string(const record_batch&, std::size_t row, column& out)>;
  row_function(data_type type, function f) : type_(type), f_(std::move(f)) {}
  data_type type() const override { return type_; }
  column_ptr evaluate(const record_batch& input, std::vector<row_error>& errors) const override {
    column out(type_);
    for (std::uint32_t row = 0; row < input.rows; ++row) {
      auto reason = f_(input, row, out);
      if (reason.empty()) continue;
      out.push_null();
      errors.push_back({row, std::move(reason)});
    }
    return std::make_shared<const column>(std::move(out));
  }
  bool can_fail() const override { return true; }

 private:
  data_type type_;
  function f_;
};

inline expression_ptr col(std::size_t index, data_type type) { return std::make_shared<column_reference>(index, type); }

inline expression_ptr predicate(std::function<bool(const record_batch&, std::size_t)> f) {
  return std::make_shared<row_function>(data_type::boolean, [f](const record_batch& b, std::size_t row, column& out) {
    out.push_int(f(b, row) ? 1 : 0);
    return std::string();
  });
}

inline schema_ptr make_schema(std::vector<field> fields) {
  auto s = std::make_shared<schema>();
  s->fields = std::move(fields);
  return s;
}

inline aggregate_call call(aggregate_kind kind, expression_ptr argument = nullptr,
                           data_type type = data_type::bigint) {
  aggregate_call c;
  c.kind = kind;
  c.argument = std::move(argument);
  c.type = type;
  return c;
}

// The stream of these tests: source text, image text, value double, count bigint.
inline schema_ptr stream_schema() {
  return make_schema({{"source", data_type::text, true},
                      {"image", data_type::text},
                      {"value", data_type::double_precision},
                      {"number", data_type::bigint}});
}
inline expression_ptr source_column() { return col(0, data_type::text); }
inline expression_ptr image_column() { return col(1, data_type::text); }
inline expression_ptr value_column() { return col(2, data_type::double_precision); }
inline expression_ptr number_column() { return col(3, data_type::bigint); }

// A grouped view that answers all its group columns.
inline view_plan grouped_plan(window_spec window, std::vector<expression_ptr> keys,
                              std::vector<aggregate_call> aggregates) {
  view_plan p;
  p.name = "seen";
  p.input = "camera";
  p.input_columns = stream_schema();
  p.grouped = true;
  p.window = window;
  p.keys = std::move(keys);
  p.aggregates = std::move(aggregates);
  std::vector<field> fields;
  for (std::size_t i = 0; i < p.keys.size(); ++i) {
    fields.push_back({fmt::format("key{}", i), p.keys[i]->type()});
    if (p.keys[i]->input_column() == 0) {
      p.keyed_by_source = true;
      p.source_key = i;
    }
  }
  if (window.kind != window_kind::none) {
    fields.push_back({"window_start", data_type::timestamptz});
    fields.push_back({"window_end", data_type::timestamptz});
  }
  const std::size_t key_count = fields.size();
  for (std::size_t i = 0; i < p.aggregates.size(); ++i)
    fields.push_back({fmt::format("a{}", i), p.aggregates[i].type});
  p.group_columns = p.output_columns = make_schema(fields);
  for (std::size_t i = 0; i < fields.size(); ++i) p.output.push_back(col(i, fields[i].type));
  for (std::size_t i = 0; i < key_count; ++i) p.key_columns.push_back(i);
  if (window.kind == window_kind::none) {
    p.kind = view_kind::upsert;
    p.emit = emit_mode::changes;
  }
  return p;
}

inline view_plan with_changes(view_plan p) {
  p.kind = view_kind::upsert;
  p.emit = emit_mode::changes;
  return p;
}

struct test_row {
  std::string source = "cam1";
  std::int64_t event_time_us = 0;
  std::optional<std::string> image;
  std::optional<double> value;
  std::optional<std::int64_t> number;
  std::uint8_t late = 0;
  std::int8_t sign = 1;
  std::uint64_t sequence = 0;
};

inline stamped_batch make_batch(const std::vector<test_row>& rows, bool with_raw = false) {
  batch_builder b(stream_schema());
  stamped_batch out;
  auto sources = std::make_shared<std::vector<std::string>>();
  auto raw = std::make_shared<raw_records>();
  bool any_minus = false;
  for (const auto& r : rows) {
    b.at(0).push_text(r.source);
    r.image ? b.at(1).push_text(*r.image) : b.at(1).push_null();
    r.value ? b.at(2).push_double(*r.value) : b.at(2).push_null();
    r.number ? b.at(3).push_int(*r.number) : b.at(3).push_null();
    b.row_done();
    auto known = std::find(sources->begin(), sources->end(), r.source);
    out.source.push_back(static_cast<std::uint32_t>(known - sources->begin()));
    if (known == sources->end()) sources->push_back(r.source);
    out.event_time_us.push_back(r.event_time_us);
    out.sequence.push_back(r.sequence);
    out.late.push_back(r.late);
    out.sign.push_back(r.sign);
    any_minus = any_minus || r.sign < 0;
    if (with_raw) {
      raw->append(fmt::format("raw {}", r.sequence));
      out.original.push_back(static_cast<std::uint32_t>(raw->size() - 1));
    }
  }
  if (!any_minus) out.sign.clear();
  if (with_raw) out.raw = raw;
  out.rows = b.finish();
  out.sources = sources;
  return out;
}

}  // namespace weir::testing
