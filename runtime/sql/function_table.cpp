#include "runtime/sql/function_table.hpp"

#include <map>

namespace weir {
namespace {

class function_table {
 public:
  function_table() {
    add_number_functions(functions_);
    add_text_functions(functions_);
    add_time_functions(functions_);
    add_json_functions(functions_);
    for (const auto& f : functions_) by_name_[f.name].push_back(&f);
  }
  std::span<const scalar_function* const> find(std::string_view name) const {
    const auto found = by_name_.find(name);
    if (found == by_name_.end()) return {};
    return found->second;
  }
  std::vector<std::string_view> names() const {
    std::vector<std::string_view> out;
    for (const auto& [name, overloads] : by_name_)
      if (name.find('-') == std::string_view::npos) out.push_back(name);
    return out;
  }

 private:
  std::vector<scalar_function> functions_;
  std::map<std::string_view, std::vector<const scalar_function*>, std::less<>> by_name_;
};

const function_table& table() {
  static const function_table functions;
  return functions;
}

}  // namespace

std::span<const scalar_function* const> find_functions(std::string_view name) { return table().find(name); }

std::vector<std::string_view> function_names() { return table().names(); }

}  // namespace weir
