#include "runtime/sql/arithmetic.hpp"

#include <cmath>
#include <limits>

#include "runtime/sql/kernel_loops.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

constexpr auto bigint_min = std::numeric_limits<std::int64_t>::min();

// Each operation: apply() answers true when it failed; reason() says why.
struct add_ints {
  static bool apply(std::int64_t a, std::int64_t b, std::int64_t& out) { return __builtin_add_overflow(a, b, &out); }
  static std::string reason(std::int64_t, std::int64_t) { return "bigint out of range"; }
};
struct subtract_ints {
  static bool apply(std::int64_t a, std::int64_t b, std::int64_t& out) { return __builtin_sub_overflow(a, b, &out); }
  static std::string reason(std::int64_t, std::int64_t) { return "bigint out of range"; }
};
struct multiply_ints {
  static bool apply(std::int64_t a, std::int64_t b, std::int64_t& out) { return __builtin_mul_overflow(a, b, &out); }
  static std::string reason(std::int64_t, std::int64_t) { return "bigint out of range"; }
};
struct divide_ints {
  static bool apply(std::int64_t a, std::int64_t b, std::int64_t& out) {
    const bool failed = b == 0 || (b == -1 && a == bigint_min);
    out = failed ? 0 : a / b;
    return failed;
  }
  static std::string reason(std::int64_t, std::int64_t b) {
    return b == 0 ? "division by zero" : "bigint out of range";
  }
};
struct modulo_ints {
  static bool apply(std::int64_t a, std::int64_t b, std::int64_t& out) {
    out = b == 0 || b == -1 ? 0 : a % b;
    return b == 0;
  }
  static std::string reason(std::int64_t, std::int64_t) { return "division by zero"; }
};

std::string double_reason(double a, double b, double out) {
  if (std::isinf(out)) return fmt::format("value out of range: overflow ({} and {})", a, b);
  return fmt::format("value out of range: underflow ({} and {})", a, b);
}
bool overflowed(double a, double b, double out) {
  return (std::abs(out) == HUGE_VAL) & (std::abs(a) != HUGE_VAL) & (std::abs(b) != HUGE_VAL);
}
struct add_doubles {
  static bool apply(double a, double b, double& out) {
    out = a + b;
    return overflowed(a, b, out);
  }
  static std::string reason(double a, double b) { return double_reason(a, b, a + b); }
};
struct subtract_doubles {
  static bool apply(double a, double b, double& out) {
    out = a - b;
    return overflowed(a, b, out);
  }
  static std::string reason(double a, double b) { return double_reason(a, b, a - b); }
};
struct multiply_doubles {
  static bool apply(double a, double b, double& out) {
    out = a * b;
    return overflowed(a, b, out) | ((out == 0) & (a != 0) & (b != 0));
  }
  static std::string reason(double a, double b) { return double_reason(a, b, a * b); }
};
struct divide_doubles {
  static bool apply(double a, double b, double& out) {
    out = a / b;
    return (b == 0) | overflowed(a, b, out) | ((out == 0) & (a != 0) & (std::abs(b) != HUGE_VAL));
  }
  static std::string reason(double a, double b) { return b == 0 ? "division by zero" : double_reason(a, b, a / b); }
};

struct add_to_timestamp {
  static bool apply(std::int64_t a, std::int64_t b, std::int64_t& out) {
    return __builtin_add_overflow(a, b, &out) || out < timestamp_min_us || out > timestamp_max_us;
  }
  static std::string reason(std::int64_t, std::int64_t) { return "timestamp out of range (years 1 to 9999)"; }
};
struct subtract_from_timestamp {
  static bool apply(std::int64_t a, std::int64_t b, std::int64_t& out) {
    return __builtin_sub_overflow(a, b, &out) || out < timestamp_min_us || out > timestamp_max_us;
  }
  static std::string reason(std::int64_t, std::int64_t) { return "timestamp out of range (years 1 to 9999)"; }
};
template <class Ints>
struct of_intervals {
  static bool apply(std::int64_t a, std::int64_t b, std::int64_t& out) { return Ints::apply(a, b, out); }
  static std::string reason(std::int64_t, std::int64_t b) {
    return std::is_same_v<Ints, divide_ints> && b == 0 ? "division by zero" : "interval out of range";
  }
};

template <class Op, class T>
kernel checked_kernel(data_type type) {
  return [type](std::span<const operand> in, std::size_t rows, std::vector<row_error>& errors) {
    std::vector<T> out(rows);
    bool failed = false;
    with_sides<T>(in[0], in[1], [&](auto a, auto b) {
      for (std::size_t i = 0; i < rows; ++i) failed |= Op::apply(a[i], b[i], out[i]);
    });
    auto valid = merged_validity(in, rows);
    if (failed) {
      if (valid.empty()) valid.assign(rows, 1);
      with_sides<T>(in[0], in[1], [&](auto a, auto b) {
        for (std::size_t i = 0; i < rows; ++i) {
          if (valid[i] == 0 || !Op::apply(a[i], b[i], out[i])) continue;
          errors.push_back({static_cast<std::uint32_t>(i), Op::reason(a[i], b[i])});
          out[i] = T{};
          valid[i] = 0;
        }
      });
    }
    if constexpr (std::is_same_v<T, double>)
      return std::make_shared<const column>(column::from_doubles(std::move(out), std::move(valid)));
    else
      return std::make_shared<const column>(column::from_ints(type, std::move(out), std::move(valid)));
  };
}

void round_to_interval(row_result<std::int64_t>& out, double us) {
  const double rounded = std::nearbyint(us);
  if (!(rounded >= -9223372036854775808.0 && rounded < 9223372036854775808.0)) return out.fail("interval out of range");
  out.value = static_cast<std::int64_t>(rounded);
}

void interval_times_double(row_result<std::int64_t>& out, std::int64_t a, double b) {
  round_to_interval(out, static_cast<double>(a) * b);
}
void double_times_interval(row_result<std::int64_t>& out, double a, std::int64_t b) {
  round_to_interval(out, a * static_cast<double>(b));
}
void interval_by_double(row_result<std::int64_t>& out, std::int64_t a, double b) {
  if (b == 0) return out.fail("division by zero");
  round_to_interval(out, static_cast<double>(a) / b);
}

kernel bigint_kernel(char op) {
  switch (op) {
    case '+': return checked_kernel<add_ints, std::int64_t>(data_type::bigint);
    case '-': return checked_kernel<subtract_ints, std::int64_t>(data_type::bigint);
    case '*': return checked_kernel<multiply_ints, std::int64_t>(data_type::bigint);
    case '/': return checked_kernel<divide_ints, std::int64_t>(data_type::bigint);
    default: return checked_kernel<modulo_ints, std::int64_t>(data_type::bigint);
  }
}

kernel double_kernel(char op) {
  constexpr auto type = data_type::double_precision;
  switch (op) {
    case '+': return checked_kernel<add_doubles, double>(type);
    case '-': return checked_kernel<subtract_doubles, double>(type);
    case '*': return checked_kernel<multiply_doubles, double>(type);
    default: return checked_kernel<divide_doubles, double>(type);
  }
}

kernel time_kernel(char op, data_type left, data_type right) {
  constexpr auto interval = data_type::interval;
  using int64 = std::int64_t;
  if (left == data_type::double_precision) return row_kernel<int64, double, int64>(interval, double_times_interval);
  if (right == data_type::double_precision)
    return row_kernel<int64, int64, double>(interval, op == '*' ? interval_times_double : interval_by_double);
  if (op == '*') return checked_kernel<of_intervals<multiply_ints>, int64>(interval);
  if (op == '/') return checked_kernel<of_intervals<divide_ints>, int64>(interval);
  const bool answers_time = (left == data_type::timestamptz) != (right == data_type::timestamptz);
  if (op == '+')
    return answers_time ? checked_kernel<add_to_timestamp, int64>(data_type::timestamptz)
                        : checked_kernel<of_intervals<add_ints>, int64>(interval);
  return answers_time ? checked_kernel<subtract_from_timestamp, int64>(data_type::timestamptz)
                      : checked_kernel<of_intervals<subtract_ints>, int64>(interval);
}

bool is_number(data_type t) { return t == data_type::bigint || t == data_type::double_precision; }

}  // namespace

std::optional<data_type> arithmetic_type(char op, data_type left, data_type right) {
  constexpr auto interval = data_type::interval;
  constexpr auto time = data_type::timestamptz;
  if (is_number(left) && is_number(right)) {
    const auto type = left == right ? left : data_type::double_precision;
    if (op == '%' && type != data_type::bigint) return std::nullopt;
    return type;
  }
  if (op == '%') return std::nullopt;
  if (op == '*' && ((left == interval && is_number(right)) || (is_number(left) && right == interval))) return interval;
  if (op == '/' && left == interval && is_number(right)) return interval;
  if (op != '+' && op != '-') return std::nullopt;
  if (left == interval && right == interval) return interval;
  if (left == time && right == interval) return time;
  if (op == '+' && left == interval && right == time) return time;
  if (op == '-' && left == time && right == time) return interval;
  return std::nullopt;
}

node_ptr make_arithmetic(char op, node_ptr left, node_ptr right) {
  const auto type = *arithmetic_type(op, left->type(), right->type());
  kernel run = type == data_type::bigint             ? bigint_kernel(op)
               : type == data_type::double_precision ? double_kernel(op)
                                                     : time_kernel(op, left->type(), right->type());
  return make_call(type, {std::move(left), std::move(right)}, std::move(run), true);
}

node_ptr make_negation(node_ptr value) {
  const auto type = value->type();
  if (type == data_type::double_precision)
    return make_call(type, {std::move(value)},
                     row_kernel<double, double>(type, [](row_result<double>& out, double v) { out.value = -v; }),
                     false);
  return make_arithmetic('-', make_bigint(0, type), std::move(value));
}

}  // namespace weir
