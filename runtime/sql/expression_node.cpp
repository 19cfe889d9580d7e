#include "runtime/sql/expression_node.hpp"

#include <algorithm>
#include <cassert>

namespace weir {
namespace {

class column_node : public expression_node {
 public:
  column_node(std::size_t index, data_type type) : index_(index), type_(type) {}
  data_type type() const override { return type_; }
  column_ptr evaluate(const record_batch& input, std::vector<row_error>&) const override {
    return input.columns[index_];
  }
  bool can_fail() const override { return false; }
  std::optional<std::size_t> input_column() const override { return index_; }
  void columns_used(std::vector<std::size_t>& out) const override { out.push_back(index_); }

 private:
  std::size_t index_;
  data_type type_;
};

class literal_node : public expression_node {
 public:
  explicit literal_node(column value) : value_(std::make_shared<const column>(std::move(value))) {}
  data_type type() const override { return value_->type(); }
  column_ptr evaluate(const record_batch& input, std::vector<row_error>&) const override {
    const auto rows = input.rows;
    if (value_->is_null(0)) return all_null(type(), rows);
    if (type() == data_type::double_precision)
      return std::make_shared<const column>(column::from_doubles(std::vector<double>(rows, value_->doubles()[0])));
    if (!is_text_like(type()))
      return std::make_shared<const column>(
          column::from_ints(type(), std::vector<std::int64_t>(rows, value_->ints()[0])));
    column out(type());
    out.reserve(rows);
    for (std::size_t i = 0; i < rows; ++i) out.push_text(value_->text(0));
    return std::make_shared<const column>(std::move(out));
  }
  bool can_fail() const override { return false; }
  column_ptr constant() const override { return value_; }
  void columns_used(std::vector<std::size_t>&) const override {}

 private:
  column_ptr value_;
};

class call_node : public expression_node {
 public:
  call_node(data_type type, std::vector<node_ptr> arguments, kernel run, bool can_fail)
      : type_(type), arguments_(std::move(arguments)), run_(std::move(run)), can_fail_(can_fail) {}
  data_type type() const override { return type_; }
  column_ptr evaluate(const record_batch& input, std::vector<row_error>& errors) const override {
    std::vector<operand> operands;
    operands.reserve(arguments_.size());
    for (const auto& argument : arguments_) operands.push_back(evaluate_operand(*argument, input, errors));
    return run_(operands, input.rows, errors);
  }
  bool can_fail() const override { return can_fail_; }
  void columns_used(std::vector<std::size_t>& out) const override {
    for (const auto& argument : arguments_) argument->columns_used(out);
  }

 private:
  data_type type_;
  std::vector<node_ptr> arguments_;
  kernel run_;
  bool can_fail_;
};

// The border to callers: parts of an expression may each fail for the same row, and something above the failing part
// may have made a value of its null.
class finished_expression : public expression {
 public:
  explicit finished_expression(node_ptr node) : node_(std::move(node)) {}
  data_type type() const override { return node_->type(); }
  bool can_fail() const override { return true; }
  column_ptr evaluate(const record_batch& input, std::vector<row_error>& errors) const override {
    std::vector<row_error> found;
    auto values = node_->evaluate(input, found);
    if (found.empty()) return values;
    std::stable_sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.row < b.row; });
    const auto same_row = [](const auto& a, const auto& b) { return a.row == b.row; };
    found.erase(std::unique(found.begin(), found.end(), same_row), found.end());
    column out(values->type());
    out.reserve(values->size());
    std::size_t next = 0;
    for (std::size_t row = 0; row < values->size(); ++row) {
      if (next < found.size() && found[next].row == row) {
        out.push_null();
        ++next;
      } else {
        out.push_from(*values, row);
      }
    }
    errors.insert(errors.end(), std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
    return std::make_shared<const column>(std::move(out));
  }

 private:
  node_ptr node_;
};

}  // namespace

operand evaluate_operand(const expression_node& node, const record_batch& input, std::vector<row_error>& errors) {
  if (auto value = node.constant()) return {std::move(value), true};
  return {node.evaluate(input, errors), false};
}

node_ptr make_column(std::size_t index, data_type type) { return std::make_shared<column_node>(index, type); }

node_ptr make_literal(column value) {
  assert(value.size() == 1);
  return std::make_shared<literal_node>(std::move(value));
}

node_ptr make_null(data_type type) {
  column value(type);
  value.push_null();
  return make_literal(std::move(value));
}

node_ptr make_bigint(std::int64_t v, data_type type) {
  column value(type);
  value.push_int(v);
  return make_literal(std::move(value));
}

node_ptr make_text(std::string_view v, data_type type) {
  column value(type);
  value.push_text(v);
  return make_literal(std::move(value));
}

node_ptr make_call(data_type type, std::vector<node_ptr> arguments, kernel run, bool kernel_can_fail) {
  const auto is_literal = [](const node_ptr& node) { return node->constant() != nullptr; };
  if (std::all_of(arguments.begin(), arguments.end(), is_literal)) {
    std::vector<operand> operands;
    for (const auto& argument : arguments) operands.push_back({argument->constant(), true});
    std::vector<row_error> errors;
    auto folded = run(operands, 1, errors);
    if (errors.empty()) return make_literal(*folded);
  }
  bool can_fail = kernel_can_fail;
  for (const auto& argument : arguments) can_fail = can_fail || argument->can_fail();
  return std::make_shared<call_node>(type, std::move(arguments), std::move(run), can_fail);
}

expression_ptr finish_expression(node_ptr node) {
  if (!node->can_fail()) return node;
  return std::make_shared<finished_expression>(std::move(node));
}

std::vector<std::uint8_t> merged_validity(std::span<const operand> operands, std::size_t rows) {
  std::vector<std::uint8_t> valid;
  for (const auto& o : operands) {
    if (!o.has_nulls()) continue;
    if (o.constant) {
      if (o.is_null(0)) return std::vector<std::uint8_t>(rows, 0);
      continue;
    }
    const auto from = o.values->validity();
    if (valid.empty()) {
      valid.assign(from.begin(), from.end());
      continue;
    }
    for (std::size_t i = 0; i < rows; ++i) valid[i] = valid[i] & from[i];
  }
  return valid;
}

column_ptr all_null(data_type type, std::size_t rows) {
  column out(type);
  out.reserve(rows);
  for (std::size_t i = 0; i < rows; ++i) out.push_null();
  return std::make_shared<const column>(std::move(out));
}

}  // namespace weir
