#include "runtime/sql/comparison.hpp"

#include <algorithm>
#include <unordered_set>

#include "runtime/sql/kernel_loops.hpp"

namespace weir {
namespace {

// Comparisons of doubles with NaN as the greatest value, without branches.
template <comparison_kind K, class T>
constexpr bool holds(T a, T b) {
  if constexpr (std::is_same_v<T, double>) {
    if constexpr (K == comparison_kind::equal) return (a == b) | ((a != a) & (b != b));
    if constexpr (K == comparison_kind::not_equal) return !holds<comparison_kind::equal>(a, b);
    if constexpr (K == comparison_kind::less) return (a < b) | ((a == a) & (b != b));
    if constexpr (K == comparison_kind::less_equal) return (a <= b) | (b != b);
    if constexpr (K == comparison_kind::greater) return holds<comparison_kind::less>(b, a);
    if constexpr (K == comparison_kind::greater_equal) return holds<comparison_kind::less_equal>(b, a);
  } else {
    if constexpr (K == comparison_kind::equal) return a == b;
    if constexpr (K == comparison_kind::not_equal) return a != b;
    if constexpr (K == comparison_kind::less) return a < b;
    if constexpr (K == comparison_kind::less_equal) return a <= b;
    if constexpr (K == comparison_kind::greater) return a > b;
    if constexpr (K == comparison_kind::greater_equal) return a >= b;
  }
}

column_ptr booleans(std::vector<std::int64_t> values, std::vector<std::uint8_t> valid) {
  return std::make_shared<const column>(column::from_ints(data_type::boolean, std::move(values), std::move(valid)));
}

template <comparison_kind K, class T>
column_ptr compare_numbers(std::span<const operand> in, std::size_t rows, std::vector<row_error>&) {
  std::vector<std::int64_t> out(rows);
  with_sides<T>(in[0], in[1], [&](auto a, auto b) {
    for (std::size_t i = 0; i < rows; ++i) out[i] = holds<K, T>(a[i], b[i]);
  });
  return booleans(std::move(out), merged_validity(in, rows));
}

template <comparison_kind K>
column_ptr compare_texts(std::span<const operand> in, std::size_t rows, std::vector<row_error>&) {
  std::vector<std::int64_t> out(rows);
  const auto& a = in[0];
  const auto& b = in[1];
  if (b.constant) {
    const auto right = b.values->text(0);
    for (std::size_t i = 0; i < rows; ++i) out[i] = holds<K>(a.values->text(a.row(i)), right);
  } else {
    for (std::size_t i = 0; i < rows; ++i) out[i] = holds<K>(a.values->text(a.row(i)), b.values->text(b.row(i)));
  }
  return booleans(std::move(out), merged_validity(in, rows));
}

template <comparison_kind K>
kernel comparison_of_type(data_type type) {
  if (is_text_like(type)) return compare_texts<K>;
  if (type == data_type::double_precision) return compare_numbers<K, double>;
  return compare_numbers<K, std::int64_t>;
}

kernel comparison_kernel(comparison_kind kind, data_type type) {
  switch (kind) {
    case comparison_kind::equal: return comparison_of_type<comparison_kind::equal>(type);
    case comparison_kind::not_equal: return comparison_of_type<comparison_kind::not_equal>(type);
    case comparison_kind::less: return comparison_of_type<comparison_kind::less>(type);
    case comparison_kind::less_equal: return comparison_of_type<comparison_kind::less_equal>(type);
    case comparison_kind::greater: return comparison_of_type<comparison_kind::greater>(type);
    case comparison_kind::greater_equal: return comparison_of_type<comparison_kind::greater_equal>(type);
  }
  return {};
}

bool equal_values(const operand& a, const operand& b, std::size_t row) {
  return compare_values(*a.values, a.row(row), *b.values, b.row(row)) == 0;
}

column one_column(const std::vector<node_ptr>& literals, bool& has_null) {
  column out(literals.front()->type());
  for (const auto& literal : literals) {
    if (literal->constant()->is_null(0))
      has_null = true;
    else
      out.push_from(*literal->constant(), 0);
  }
  return out;
}

// Finds a value in the list of IN: a few by comparing each, more by hash.
class literal_list {
 public:
  explicit literal_list(const std::vector<node_ptr>& literals) : items_(one_column(literals, has_null_)) {
    if (items_.size() <= 8) return;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      if (is_text_like(items_.type()))
        texts_.insert(items_.text(i));
      else if (items_.type() != data_type::double_precision)
        ints_.insert(items_.ints()[i]);
    }
  }
  literal_list(const literal_list&) = delete;
  literal_list& operator=(const literal_list&) = delete;

  bool has_null() const { return has_null_; }
  bool holds(const column& values, std::size_t row) const {
    if (!texts_.empty()) return texts_.contains(values.text(row));
    if (!ints_.empty()) return ints_.contains(values.ints()[row]);
    if (!is_text_like(items_.type())) {
      for (std::size_t i = 0; i < items_.size(); ++i)
        if (compare_values(values, row, items_, i) == 0) return true;
      return false;
    }
    const auto text = values.text(row);
    for (std::size_t i = 0; i < items_.size(); ++i)
      if (items_.text(i) == text) return true;
    return false;
  }

 private:
  bool has_null_ = false;
  column items_;                                // without nulls
  std::unordered_set<std::string_view> texts_;  // into items_
  std::unordered_set<std::int64_t> ints_;
};

}  // namespace

int compare_values(const column& a, std::size_t i, const column& b, std::size_t j) {
  if (is_text_like(a.type())) return a.text(i).compare(b.text(j));
  if (a.type() == data_type::double_precision) {
    const double x = a.doubles()[i];
    const double y = b.doubles()[j];
    if (holds<comparison_kind::less>(x, y)) return -1;
    return holds<comparison_kind::equal>(x, y) ? 0 : 1;
  }
  const auto x = a.ints()[i];
  const auto y = b.ints()[j];
  return x < y ? -1 : x > y ? 1 : 0;
}

node_ptr make_comparison(comparison_kind kind, node_ptr a, node_ptr b) {
  auto run = comparison_kernel(kind, a->type());
  return make_call(data_type::boolean, {std::move(a), std::move(b)}, std::move(run), false);
}

node_ptr make_distinct(node_ptr a, node_ptr b, bool negated) {
  kernel run = [negated](std::span<const operand> in, std::size_t rows, std::vector<row_error>&) {
    std::vector<std::int64_t> out(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      const bool left = in[0].is_null(i);
      const bool right = in[1].is_null(i);
      const bool distinct = left || right ? left != right : !equal_values(in[0], in[1], i);
      out[i] = distinct != negated;
    }
    return booleans(std::move(out), {});
  };
  return make_call(data_type::boolean, {std::move(a), std::move(b)}, std::move(run), false);
}

node_ptr make_in_literals(node_ptr value, std::vector<node_ptr> literals, bool negated) {
  auto list = std::make_shared<const literal_list>(literals);
  kernel run = [list, negated](std::span<const operand> in, std::size_t rows, std::vector<row_error>&) {
    column out(data_type::boolean);
    out.reserve(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      if (in[0].is_null(i)) {
        out.push_null();
      } else if (list->holds(*in[0].values, in[0].row(i))) {
        out.push_int(negated ? 0 : 1);
      } else if (list->has_null()) {
        out.push_null();
      } else {
        out.push_int(negated ? 1 : 0);
      }
    }
    return std::make_shared<const column>(std::move(out));
  };
  return make_call(data_type::boolean, {std::move(value)}, std::move(run), false);
}

node_ptr make_nullif(node_ptr a, node_ptr b) {
  const auto type = a->type();
  kernel run = [type](std::span<const operand> in, std::size_t rows, std::vector<row_error>&) {
    column out(type);
    out.reserve(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      if (in[0].is_null(i) || (!in[1].is_null(i) && equal_values(in[0], in[1], i)))
        out.push_null();
      else
        out.push_from(*in[0].values, in[0].row(i));
    }
    return std::make_shared<const column>(std::move(out));
  };
  return make_call(type, {std::move(a), std::move(b)}, std::move(run), false);
}

node_ptr make_extreme(std::vector<node_ptr> arguments, bool greatest) {
  const auto type = arguments.front()->type();
  kernel run = [type, greatest](std::span<const operand> in, std::size_t rows, std::vector<row_error>&) {
    column out(type);
    out.reserve(rows);
    for (std::size_t i = 0; i < rows; ++i) {
      const operand* best = nullptr;
      for (const auto& o : in) {
        if (o.is_null(i)) continue;
        if (best == nullptr) {
          best = &o;
          continue;
        }
        const int order = compare_values(*o.values, o.row(i), *best->values, best->row(i));
        if (greatest ? order > 0 : order < 0) best = &o;
      }
      if (best == nullptr)
        out.push_null();
      else
        out.push_from(*best->values, best->row(i));
    }
    return std::make_shared<const column>(std::move(out));
  };
  return make_call(type, std::move(arguments), std::move(run), false);
}

node_ptr make_is_null(node_ptr a, bool negated) {
  kernel run = [negated](std::span<const operand> in, std::size_t rows, std::vector<row_error>&) {
    std::vector<std::int64_t> out(rows, negated ? 1 : 0);
    if (in[0].has_nulls())
      for (std::size_t i = 0; i < rows; ++i) out[i] = in[0].is_null(i) != negated;
    return booleans(std::move(out), {});
  };
  return make_call(data_type::boolean, {std::move(a)}, std::move(run), false);
}

node_ptr make_is_boolean(node_ptr a, std::optional<bool> wanted, bool negated) {
  if (!wanted) return make_is_null(std::move(a), negated);
  kernel run = [wanted = *wanted, negated](std::span<const operand> in, std::size_t rows, std::vector<row_error>&) {
    std::vector<std::int64_t> out(rows);
    const auto values = in[0].values->ints();
    for (std::size_t i = 0; i < rows; ++i)
      out[i] = (!in[0].is_null(i) && (values[in[0].row(i)] != 0) == wanted) != negated;
    return booleans(std::move(out), {});
  };
  return make_call(data_type::boolean, {std::move(a)}, std::move(run), false);
}

node_ptr make_not(node_ptr a) {
  kernel run = [](std::span<const operand> in, std::size_t rows, std::vector<row_error>&) {
    std::vector<std::int64_t> out(rows);
    const auto values = in[0].values->ints();
    for (std::size_t i = 0; i < rows; ++i) out[i] = values[in[0].row(i)] == 0;
    return booleans(std::move(out), merged_validity(in, rows));
  };
  return make_call(data_type::boolean, {std::move(a)}, std::move(run), false);
}

}  // namespace weir
