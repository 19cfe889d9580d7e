#include <cmath>

#include "runtime/sql/casts.hpp"
#include "runtime/sql/function_table.hpp"
#include "runtime/sql/kernel_loops.hpp"

namespace weir {
namespace {

using int64 = std::int64_t;
constexpr auto bigint = data_type::bigint;
constexpr auto dbl = data_type::double_precision;

void answer(row_result<double>& out, double value, bool finite_arguments) {
  if (std::isinf(value) && finite_arguments) return out.fail("value out of range: overflow");
  out.value = value;
}

void ln(row_result<double>& out, double x) {
  if (x == 0) return out.fail("cannot take logarithm of zero");
  if (x < 0) return out.fail("cannot take logarithm of a negative number");
  out.value = std::log(x);
}

void log10_of(row_result<double>& out, double x) {
  if (x == 0) return out.fail("cannot take logarithm of zero");
  if (x < 0) return out.fail("cannot take logarithm of a negative number");
  out.value = std::log10(x);
}

void log_to_base(row_result<double>& out, double base, double x) {
  if (base == 0 || x == 0) return out.fail("cannot take logarithm of zero");
  if (base < 0 || x < 0) return out.fail("cannot take logarithm of a negative number");
  if (base == 1) return out.fail("division by zero");
  out.value = std::log(x) / std::log(base);
}

void square_root(row_result<double>& out, double x) {
  if (x < 0) return out.fail("cannot take square root of a negative number");
  out.value = std::sqrt(x);
}

void power(row_result<double>& out, double x, double y) {
  if (x == 0 && y < 0) return out.fail("zero raised to a negative power is undefined");
  if (x < 0 && std::isfinite(y) && y != std::floor(y))
    return out.fail("a negative number raised to a non-integer power yields a complex result");
  const double value = std::pow(x, y);
  if (value == 0 && x != 0 && std::isfinite(x) && std::isfinite(y)) return out.fail("value out of range: underflow");
  answer(out, value, std::isfinite(x) && std::isfinite(y));
}

void exponential(row_result<double>& out, double x) {
  const double value = std::exp(x);
  if (value == 0 && std::isfinite(x)) return out.fail("value out of range: underflow");
  answer(out, value, std::isfinite(x));
}

void absolute_int(row_result<int64>& out, int64 v) {
  if (__builtin_sub_overflow(int64{0}, v, &out.value)) return out.fail("bigint out of range");
  if (v >= 0) out.value = v;
}

void modulo(row_result<int64>& out, int64 a, int64 b) {
  if (b == 0) return out.fail("division by zero");
  out.value = b == -1 ? 0 : a % b;
}

// Halves away from zero, decided on the 15 digits that a double is sure to hold: what x::numeric would give.
double round_to_digits(double x, int64 digits) {
  if (!std::isfinite(x) || x == 0 || digits > 320) return x;
  if (digits < -310) return 0;
  const auto text = fmt::format("{:.14e}", std::abs(x));  // d.dddddddddddddde[+-]xx
  const auto e = text.find('e');
  const int exponent = std::stoi(text.substr(e + 1));
  std::string mantissa = text.substr(0, 1) + text.substr(2, e - 2);
  const int64 kept = exponent + 1 + digits;  // digits of the mantissa that stay
  if (kept >= static_cast<int64>(mantissa.size())) return x;
  if (kept < 0) return 0;
  const bool up = mantissa[static_cast<std::size_t>(kept)] >= '5';
  mantissa.resize(static_cast<std::size_t>(kept));
  mantissa.insert(mantissa.begin(), '0');
  if (up) {
    auto at = mantissa.size();
    while (at > 0 && mantissa[--at] == '9') mantissa[at] = '0';
    ++mantissa[at];
  }
  const double rounded = std::strtod(fmt::format("{}e{}", mantissa, -digits).c_str(), nullptr);
  return std::copysign(rounded, x);
}

void round_digits(row_result<double>& out, double x, int64 digits) { out.value = round_to_digits(x, digits); }

void trunc_digits(row_result<double>& out, double x, int64 digits) {
  if (!std::isfinite(x) || x == 0 || digits > 320) {
    out.value = x;
    return;
  }
  const double rounded = round_to_digits(x, digits);
  const double step = std::pow(10.0, static_cast<double>(-digits));
  out.value = std::abs(rounded) > std::abs(x) ? round_to_digits(rounded - std::copysign(step, x), digits) : rounded;
}

using double_function = double (*)(double);
scalar_function plain(std::string_view name, double_function f) {
  return {name, {dbl}, dbl, false, row_kernel<double, double>(dbl, [f](row_result<double>& out, double x) {
            out.value = f(x);
          })};
}
scalar_function integer_as_it_is(std::string_view name) {
  return {name, {bigint}, bigint, false, row_kernel<int64, int64>(bigint, [](auto& out, int64 v) { out.value = v; })};
}
scalar_function failing(std::string_view name, void (*f)(row_result<double>&, double)) {
  return {name, {dbl}, dbl, true, row_kernel<double, double>(dbl, f)};
}
scalar_function failing(std::string_view name, void (*f)(row_result<double>&, double, double)) {
  return {name, {dbl, dbl}, dbl, true, row_kernel<double, double, double>(dbl, f)};
}

double sign_of(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : x; }

}  // namespace

void add_number_functions(std::vector<scalar_function>& table) {
  table.push_back(plain("abs", [](double x) { return std::abs(x); }));
  table.push_back({"abs", {bigint}, bigint, true, row_kernel<int64, int64>(bigint, absolute_int)});
  for (const auto* name : {"ceil", "ceiling"}) table.push_back(plain(name, [](double x) { return std::ceil(x); }));
  table.push_back(plain("floor", [](double x) { return std::floor(x); }));
  table.push_back(plain("round", [](double x) { return std::nearbyint(x); }));
  table.push_back({"round", {dbl, bigint}, dbl, false, row_kernel<double, double, int64>(dbl, round_digits)});
  table.push_back(plain("trunc", [](double x) { return std::trunc(x); }));
  table.push_back({"trunc", {dbl, bigint}, dbl, false, row_kernel<double, double, int64>(dbl, trunc_digits)});
  for (const auto* name : {"ceil", "ceiling", "floor", "round", "trunc"}) table.push_back(integer_as_it_is(name));
  table.push_back(failing("sqrt", square_root));
  for (const auto* name : {"power", "pow"}) table.push_back(failing(name, power));
  table.push_back(failing("exp", exponential));
  table.push_back(failing("ln", ln));
  for (const auto* name : {"log", "log10"}) table.push_back(failing(name, log10_of));
  table.push_back(failing("log", log_to_base));
  table.push_back({"mod", {bigint, bigint}, bigint, true, row_kernel<int64, int64, int64>(bigint, modulo)});
  table.push_back(plain("sign", sign_of));
}

}  // namespace weir
