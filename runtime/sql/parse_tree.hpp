// PostgreSQL's parse tree of one statement, as libpg_query's JSON, behind small accessors: what is zero, false or empty
// is left out of the JSON, so every accessor has an answer for what is absent.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"

namespace weir {

// A node of the tree. Fields that hold any kind of expression wrap it: {"ColumnRef": {...}}; unwrap() answers the kind
// and the fields inside. Valid as long as its parse_tree.
class tree_node {
 public:
  tree_node() = default;
  explicit tree_node(simdjson::dom::element element) : element_(element), present_(true) {}

  explicit operator bool() const { return present_; }
  tree_node child(std::string_view key) const;
  bool has(std::string_view key) const { return static_cast<bool>(child(key)); }
  std::vector<tree_node> list(std::string_view key) const;
  std::string_view text(std::string_view key) const;
  std::int64_t number(std::string_view key) const;
  bool flag(std::string_view key) const;

  // The wrapper's key ("ColumnRef"), empty for {} and what is no wrapper.
  std::string_view kind() const;
  tree_node unwrap() const;
  tree_node child_of_kind(std::string_view key, std::string_view kind) const;  // absent when it is of another kind
  // Calls visitor(simdjson::dom::element) with what this node is.
  template <class Visitor>
  void visit(Visitor visitor) const {
    visitor(element_);
  }
  // Texts of a list of {"String": {"sval": ...}}; other members (A_Star) give "*".
  std::vector<std::string> names(std::string_view key) const;

 private:
  simdjson::dom::element element_;
  bool present_ = false;
};

// The leftmost byte that the nodes below tell; `otherwise` when none does.
std::size_t leftmost_location(tree_node node, std::size_t otherwise);

class parse_tree {
 public:
  // One statement of the script: bytes [begin, end) of `sql`, which errors point into.
  static result<parse_tree> parse(std::string_view sql, std::size_t begin, std::size_t end);

  tree_node statement() const;  // {"CreateStmt": {...}}

 private:
  std::unique_ptr<simdjson::dom::parser> parser_;
  tree_node root_;
};

}  // namespace weir
