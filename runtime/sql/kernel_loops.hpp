// Loops over values for kernels: the constant sides are taken out of the loop, so the compiler can vectorize it.
#pragma once

#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "runtime/sql/expression_node.hpp"

namespace weir {

template <class T>
struct span_values {
  const T* at;
  T operator[](std::size_t i) const { return at[i]; }
};
template <class T>
struct one_value {
  T value;
  T operator[](std::size_t) const { return value; }
};

template <class T>
const T* value_pointer(const operand& o) {
  if constexpr (std::is_same_v<T, double>)
    return o.values->doubles().data();
  else
    return o.values->ints().data();
}

// body(a, b) with indexable a and b; both sides constant only with one row.
template <class T, class Body>
void with_sides(const operand& a, const operand& b, Body&& body) {
  if (a.constant && !b.constant)
    body(one_value<T>{*value_pointer<T>(a)}, span_values<T>{value_pointer<T>(b)});
  else if (b.constant && !a.constant)
    body(span_values<T>{value_pointer<T>(a)}, one_value<T>{*value_pointer<T>(b)});
  else if (a.constant)
    body(one_value<T>{*value_pointer<T>(a)}, one_value<T>{*value_pointer<T>(b)});
  else
    body(span_values<T>{value_pointer<T>(a)}, span_values<T>{value_pointer<T>(b)});
}

// What a function answers for one row. `text` is reused from row to row.
template <class R>
struct row_result {
  R value{};
  bool is_null = false;
  std::string failure;

  void set_null() { is_null = true; }
  void fail(std::string reason) { failure = std::move(reason); }
};

template <class T>
T row_value(const operand& o, std::size_t r) {
  if constexpr (std::is_same_v<T, double>)
    return o.values->doubles()[o.row(r)];
  else if constexpr (std::is_same_v<T, std::string_view>)
    return o.values->text(o.row(r));
  else
    return o.values->ints()[o.row(r)];
}

inline void push_value(column& out, std::int64_t v) { out.push_int(v); }
inline void push_value(column& out, double v) { out.push_double(v); }
inline void push_value(column& out, const std::string& v) { out.push_text(v); }

// A kernel of type `type` that calls body(row_result<R>&, Args...) for every row without a null argument.
template <class R, class... Args, class Body>
kernel row_kernel(data_type type, Body body) {
  return [type, body = std::move(body)](std::span<const operand> in, std::size_t rows, std::vector<row_error>& errors) {
    column out(type);
    out.reserve(rows);
    row_result<R> answer;
    const auto valid = merged_validity(in, rows);
    for (std::size_t r = 0; r < rows; ++r) {
      if (!valid.empty() && valid[r] == 0) {
        out.push_null();
        continue;
      }
      if constexpr (std::is_same_v<R, std::string>) answer.value.clear();
      answer.is_null = false;
      [&]<std::size_t... I>(std::index_sequence<I...>) { body(answer, row_value<Args>(in[I], r)...); }
      (std::index_sequence_for<Args...>{});
      if (!answer.failure.empty()) {
        errors.push_back({static_cast<std::uint32_t>(r), std::move(answer.failure)});
        answer.failure.clear();
        out.push_null();
      } else if (answer.is_null) {
        out.push_null();
      } else {
        push_value(out, answer.value);
      }
    }
    return std::make_shared<const column>(std::move(out));
  };
}

}  // namespace weir
