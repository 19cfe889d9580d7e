// The scalar functions that SQL knows: one table of names, signatures and kernels.
#pragma once

#include <span>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "runtime/sql/expression_node.hpp"

namespace weir {

// Arguments that must be literals are taken out of the call when it is bound: the kernel is built from them once.
struct function_problem {
  std::size_t argument = 0;
  std::string message;
  std::string hint;
};
using kernel_or_problem = tl::expected<kernel, function_problem>;

struct scalar_function {
  std::string_view name;
  std::vector<data_type> arguments;
  data_type result = data_type::text;
  bool can_fail = false;
  kernel run;                                                                   // or
  kernel_or_problem (*prepare)(std::span<const node_ptr> arguments) = nullptr;  // looks at literal arguments
};

// All overloads of a name (lower case).
std::span<const scalar_function* const> find_functions(std::string_view name);
// Every function's name once, sorted: for "did you mean" and documentation.
std::vector<std::string_view> function_names();

// The table's parts.
void add_number_functions(std::vector<scalar_function>& table);
void add_text_functions(std::vector<scalar_function>& table);
void add_time_functions(std::vector<scalar_function>& table);
void add_json_functions(std::vector<scalar_function>& table);

}  // namespace weir
