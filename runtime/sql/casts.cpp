#include "runtime/sql/casts.hpp"

#include <charconv>
#include <cmath>

#include "runtime/format/text_value.hpp"
#include "runtime/sql/kernel_loops.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

using int64 = std::int64_t;

kernel from_text(data_type to) {
  return [to](std::span<const operand> in, std::size_t rows, std::vector<row_error>& errors) {
    column out(to);
    out.reserve(rows);
    for (std::size_t r = 0; r < rows; ++r) {
      if (in[0].is_null(r)) {
        out.push_null();
      } else if (auto done = push_text_value(out, in[0].values->text(in[0].row(r))); !done) {
        out.push_null();
        errors.push_back({static_cast<std::uint32_t>(r), std::move(done).error().message});
      }
    }
    return std::make_shared<const column>(std::move(out));
  };
}

kernel to_text() {
  return [](std::span<const operand> in, std::size_t rows, std::vector<row_error>&) {
    column out(data_type::text);
    out.reserve(rows);
    std::string buffer;
    for (std::size_t r = 0; r < rows; ++r) {
      if (in[0].is_null(r)) {
        out.push_null();
        continue;
      }
      buffer.clear();
      append_cast_text(buffer, *in[0].values, in[0].row(r));
      out.push_text(buffer);
    }
    return std::make_shared<const column>(std::move(out));
  };
}

column_ptr bigint_to_double(std::span<const operand> in, std::size_t rows, std::vector<row_error>&) {
  std::vector<double> out(rows);
  const auto values = in[0].values->ints();
  for (std::size_t r = 0; r < rows; ++r) out[r] = static_cast<double>(values[r]);
  return std::make_shared<const column>(column::from_doubles(std::move(out), merged_validity(in, rows)));
}

void double_to_bigint(row_result<int64>& out, double v) {
  const double rounded = std::nearbyint(v);  // halves to even, as PostgreSQL
  if (!(rounded >= -9223372036854775808.0 && rounded < 9223372036854775808.0)) return out.fail("bigint out of range");
  out.value = static_cast<int64>(rounded);
}

node_ptr checked_integer(node_ptr value, const sql_type& to) {
  if (to.integer_bits == 64) return value;
  const int64 limit = int64{1} << (to.integer_bits - 1);
  auto run = row_kernel<int64, int64>(data_type::bigint, [limit, name = to.name](row_result<int64>& out, int64 v) {
    if (v < -limit || v >= limit) return out.fail(fmt::format("{} is out of range for {}", v, name));
    out.value = v;
  });
  return make_call(data_type::bigint, {std::move(value)}, std::move(run), true);
}

template <class R, class A, class Body>
node_ptr convert(node_ptr value, data_type to, Body body, bool can_fail = false) {
  return make_call(to, {std::move(value)}, row_kernel<R, A>(to, body), can_fail);
}

void text_as_it_is(row_result<std::string>& out, std::string_view v) { out.value.append(v); }

}  // namespace

void append_double(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
    return;
  }
  if (std::isinf(value)) {
    out += value < 0 ? "-Infinity" : "Infinity";
    return;
  }
  char scientific[40];
  const auto end = std::to_chars(scientific, scientific + sizeof scientific, value, std::chars_format::scientific).ptr;
  std::string_view digits(scientific, static_cast<std::size_t>(end - scientific));
  const auto e = digits.rfind('e');
  int exponent = 0;
  const char* first = digits.data() + e + 1 + (digits[e + 1] == '+' ? 1 : 0);
  std::from_chars(first, digits.data() + digits.size(), exponent);
  if (exponent < -4 || exponent >= 15) {
    out += digits;
    return;
  }
  char fixed[64];
  const auto fixed_end = std::to_chars(fixed, fixed + sizeof fixed, value, std::chars_format::fixed).ptr;
  out.append(fixed, fixed_end);
}

void append_cast_text(std::string& out, const column& values, std::size_t row) {
  switch (values.type()) {
    case data_type::boolean: out += values.ints()[row] != 0 ? "true" : "false"; return;
    case data_type::bigint: fmt::format_to(std::back_inserter(out), "{}", values.ints()[row]); return;
    case data_type::double_precision: append_double(out, values.doubles()[row]); return;
    case data_type::timestamptz: append_timestamp(out, values.ints()[row]); return;
    case data_type::interval: out += format_interval(values.ints()[row]); return;
    case data_type::text:
    case data_type::json: out += values.text(row); return;
    case data_type::bytea:
      out += "\\x";
      for (char c : values.text(row))
        fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<unsigned>(static_cast<unsigned char>(c)));
      return;
  }
}

node_ptr make_boolean_letter(node_ptr value) {
  return convert<std::string, int64>(std::move(value), data_type::text,
                                     [](row_result<std::string>& out, int64 v) { out.value = v != 0 ? 't' : 'f'; });
}

node_ptr make_cast(node_ptr value, data_type to) { return make_cast(std::move(value), sql_type{to, {}, 64}); }

node_ptr make_cast(node_ptr value, const sql_type& to) {
  const auto from = value->type();
  if (from == to.type) return to.type == data_type::bigint ? checked_integer(std::move(value), to) : value;
  if (from == data_type::text) {
    auto read = make_call(to.type, {std::move(value)}, from_text(to.type), true);
    return to.type == data_type::bigint ? checked_integer(std::move(read), to) : read;
  }
  if (to.type == data_type::text) {
    if (from == data_type::json)
      return convert<std::string, std::string_view>(std::move(value), to.type, text_as_it_is);
    return make_call(to.type, {std::move(value)}, to_text(), false);
  }
  if (from == data_type::bigint && to.type == data_type::double_precision)
    return make_call(to.type, {std::move(value)}, bigint_to_double, false);
  if (from == data_type::double_precision && to.type == data_type::bigint)
    return checked_integer(convert<int64, double>(std::move(value), to.type, double_to_bigint, true), to);
  if (from == data_type::boolean && to.type == data_type::bigint)
    return convert<int64, int64>(std::move(value), to.type, [](row_result<int64>& out, int64 v) { out.value = v; });
  if (from == data_type::bigint && to.type == data_type::boolean)
    return convert<int64, int64>(std::move(value), to.type,
                                 [](row_result<int64>& out, int64 v) { out.value = v != 0; });
  return nullptr;
}

}  // namespace weir
