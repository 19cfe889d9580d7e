// AND, OR, CASE and COALESCE: a part that can fail is evaluated only for the rows that need it.
#include <algorithm>
#include <numeric>

#include "runtime/sql/expression_node.hpp"

namespace weir {
namespace {

using row_list = std::vector<std::uint32_t>;

row_list every_row(std::size_t rows) {
  row_list out(rows);
  std::iota(out.begin(), out.end(), 0U);
  return out;
}

// The values of `node` for some rows. `at(k)` reads the value of rows[k].
struct part_values {
  operand values;
  bool gathered = false;  // values hold only the asked rows, in their order

  std::size_t index(const row_list& rows, std::size_t k) const {
    if (values.constant) return 0;
    return gathered ? k : rows[k];
  }
};

// The rows of the columns that the nodes use; the others stay empty pointers.
record_batch gather_used(const expression_node& node, const record_batch& input, const row_list& rows) {
  std::vector<std::size_t> used;
  node.columns_used(used);
  record_batch out{input.columns_schema, std::vector<column_ptr>(input.columns.size()), rows.size()};
  for (auto c : used)
    if (!out.columns[c]) out.columns[c] = std::make_shared<const column>(input.columns[c]->gather(rows));
  return out;
}

part_values evaluate_part(const expression_node& node, const record_batch& input, const row_list& rows,
                          std::vector<row_error>& errors) {
  if (!node.can_fail() || rows.size() == input.rows) return {evaluate_operand(node, input, errors), false};
  const auto first = errors.size();
  auto values = evaluate_operand(node, gather_used(node, input, rows), errors);
  for (auto i = first; i < errors.size(); ++i) errors[i].row = rows[errors[i].row];
  return {std::move(values), true};
}

// OR is AND with true and false exchanged: `decisive` is the value that decides alone.
class junction_node : public expression_node {
 public:
  junction_node(std::vector<node_ptr> terms, std::int64_t decisive) : terms_(std::move(terms)), decisive_(decisive) {
    for (const auto& term : terms_) can_fail_ = can_fail_ || term->can_fail();
  }
  data_type type() const override { return data_type::boolean; }
  bool can_fail() const override { return can_fail_; }
  void columns_used(std::vector<std::size_t>& out) const override {
    for (const auto& term : terms_) term->columns_used(out);
  }
  column_ptr evaluate(const record_batch& input, std::vector<row_error>& errors) const override {
    std::vector<std::int64_t> values(input.rows, 1 - decisive_);
    std::vector<std::uint8_t> valid(input.rows, 1);
    bool any_null = false;
    for (const auto& term : terms_) {
      const auto before = errors.size();
      if (term->can_fail())
        any_null |= apply_to_open_rows(*term, input, values, valid, errors);
      else
        any_null |= apply_to_all(evaluate_operand(*term, input, errors), values, valid);
      // A row that failed is decided: what stands to its right is not looked at.
      for (auto i = before; i < errors.size(); ++i) values[errors[i].row] = decisive_;
    }
    if (!any_null) valid.clear();
    return std::make_shared<const column>(column::from_ints(data_type::boolean, std::move(values), std::move(valid)));
  }

 private:
  bool apply_to_all(const operand& term, std::vector<std::int64_t>& values, std::vector<std::uint8_t>& valid) const {
    const auto from = term.values->ints();
    if (!term.has_nulls() && !term.constant) {
      for (std::size_t i = 0; i < values.size(); ++i) {
        const bool decides = from[i] == decisive_;
        values[i] = decides ? decisive_ : values[i];
        valid[i] |= static_cast<std::uint8_t>(decides);
      }
      return false;
    }
    bool any_null = false;
    for (std::size_t i = 0; i < values.size(); ++i)
      any_null |= apply(values[i], valid[i], term.is_null(i), from[term.row(i)]);
    return any_null;
  }

  bool apply_to_open_rows(const expression_node& term, const record_batch& input, std::vector<std::int64_t>& values,
                          std::vector<std::uint8_t>& valid, std::vector<row_error>& errors) const {
    row_list open;
    for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i] != decisive_) open.push_back(static_cast<std::uint32_t>(i));
    if (open.empty()) return false;
    const auto part = evaluate_part(term, input, open, errors);
    bool any_null = false;
    for (std::size_t k = 0; k < open.size(); ++k) {
      const auto at = part.index(open, k);
      any_null |=
          apply(values[open[k]], valid[open[k]], part.values.values->is_null(at), part.values.values->ints()[at]);
    }
    return any_null;
  }

  // Takes one more term's value into a row; true when the row became null.
  bool apply(std::int64_t& value, std::uint8_t& valid, bool null, std::int64_t term) const {
    if (null) {
      if (value != decisive_) valid = 0;
      return valid == 0;
    }
    if (term == decisive_) {
      value = decisive_;
      valid = 1;
    }
    return false;
  }

  std::vector<node_ptr> terms_;
  std::int64_t decisive_;
  bool can_fail_ = false;
};

// Collects, row by row, from which part's column a value comes.
class choice {
 public:
  explicit choice(std::size_t rows) : from_(rows, nullptr), at_(rows, 0) {}

  void take(std::size_t row, const column_ptr& values, std::size_t index) {
    from_[row] = values.get();
    at_[row] = static_cast<std::uint32_t>(index);
  }
  void keep(const column_ptr& values) { kept_.push_back(values); }
  column_ptr build(data_type type) const {
    column out(type);
    out.reserve(from_.size());
    for (std::size_t row = 0; row < from_.size(); ++row) {
      if (from_[row] == nullptr)
        out.push_null();
      else
        out.push_from(*from_[row], at_[row]);
    }
    return std::make_shared<const column>(std::move(out));
  }

 private:
  std::vector<const column*> from_;
  std::vector<std::uint32_t> at_;
  std::vector<column_ptr> kept_;  // alive until build()
};

class case_node : public expression_node {
 public:
  case_node(data_type type, std::vector<case_branch> branches, node_ptr otherwise)
      : type_(type), branches_(std::move(branches)), otherwise_(std::move(otherwise)) {
    can_fail_ = otherwise_->can_fail();
    for (const auto& b : branches_) can_fail_ = can_fail_ || b.condition->can_fail() || b.result->can_fail();
  }
  data_type type() const override { return type_; }
  bool can_fail() const override { return can_fail_; }
  void columns_used(std::vector<std::size_t>& out) const override {
    for (const auto& b : branches_) {
      b.condition->columns_used(out);
      b.result->columns_used(out);
    }
    otherwise_->columns_used(out);
  }
  column_ptr evaluate(const record_batch& input, std::vector<row_error>& errors) const override {
    choice chosen(input.rows);
    row_list pending = every_row(input.rows);
    for (const auto& branch : branches_) {
      if (pending.empty()) break;
      const auto before = errors.size();
      const auto condition = evaluate_part(*branch.condition, input, pending, errors);
      std::vector<std::uint8_t> failed(errors.size() > before ? input.rows : 0, 0);
      for (auto i = before; i < errors.size(); ++i) failed[errors[i].row] = 1;
      row_list hit;
      row_list rest;
      for (std::size_t k = 0; k < pending.size(); ++k) {
        if (!failed.empty() && failed[pending[k]] != 0) continue;
        const auto at = condition.index(pending, k);
        const auto& values = *condition.values.values;
        (!values.is_null(at) && values.ints()[at] != 0 ? hit : rest).push_back(pending[k]);
      }
      assign(*branch.result, input, hit, chosen, errors);
      pending = std::move(rest);
    }
    assign(*otherwise_, input, pending, chosen, errors);
    return chosen.build(type_);
  }

 private:
  static void assign(const expression_node& result, const record_batch& input, const row_list& rows, choice& chosen,
                     std::vector<row_error>& errors) {
    if (rows.empty()) return;
    const auto part = evaluate_part(result, input, rows, errors);
    chosen.keep(part.values.values);
    for (std::size_t k = 0; k < rows.size(); ++k) chosen.take(rows[k], part.values.values, part.index(rows, k));
  }

  data_type type_;
  std::vector<case_branch> branches_;
  node_ptr otherwise_;
  bool can_fail_ = false;
};

class coalesce_node : public expression_node {
 public:
  coalesce_node(data_type type, std::vector<node_ptr> choices) : type_(type), choices_(std::move(choices)) {
    for (const auto& c : choices_) can_fail_ = can_fail_ || c->can_fail();
  }
  data_type type() const override { return type_; }
  bool can_fail() const override { return can_fail_; }
  void columns_used(std::vector<std::size_t>& out) const override {
    for (const auto& c : choices_) c->columns_used(out);
  }
  column_ptr evaluate(const record_batch& input, std::vector<row_error>& errors) const override {
    choice chosen(input.rows);
    row_list pending = every_row(input.rows);
    for (const auto& node : choices_) {
      if (pending.empty()) break;
      const auto part = evaluate_part(*node, input, pending, errors);
      chosen.keep(part.values.values);
      row_list rest;
      for (std::size_t k = 0; k < pending.size(); ++k) {
        const auto at = part.index(pending, k);
        if (part.values.values->is_null(at))
          rest.push_back(pending[k]);
        else
          chosen.take(pending[k], part.values.values, at);
      }
      pending = std::move(rest);
    }
    return chosen.build(type_);
  }

 private:
  data_type type_;
  std::vector<node_ptr> choices_;
  bool can_fail_ = false;
};

// All parts literals: the value itself.
node_ptr folded(node_ptr node, bool all_literals) {
  if (!all_literals || node->can_fail()) return node;
  std::vector<row_error> errors;
  return make_literal(*node->evaluate(record_batch{nullptr, {}, 1}, errors));
}

bool all_literal(const std::vector<node_ptr>& nodes) {
  return std::all_of(nodes.begin(), nodes.end(), [](const node_ptr& n) { return n->constant() != nullptr; });
}

}  // namespace

node_ptr make_and(std::vector<node_ptr> terms) {
  const bool literal = all_literal(terms);
  return folded(std::make_shared<junction_node>(std::move(terms), 0), literal);
}

node_ptr make_or(std::vector<node_ptr> terms) {
  const bool literal = all_literal(terms);
  return folded(std::make_shared<junction_node>(std::move(terms), 1), literal);
}

node_ptr make_case(data_type type, std::vector<case_branch> branches, node_ptr otherwise) {
  bool literal = otherwise->constant() != nullptr;
  for (const auto& b : branches) literal = literal && b.condition->constant() && b.result->constant();
  return folded(std::make_shared<case_node>(type, std::move(branches), std::move(otherwise)), literal);
}

node_ptr make_coalesce(data_type type, std::vector<node_ptr> choices) {
  const bool literal = all_literal(choices);
  return folded(std::make_shared<coalesce_node>(type, std::move(choices)), literal);
}

}  // namespace weir
