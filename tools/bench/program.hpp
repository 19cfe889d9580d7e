// What the benchmark programs have in common: options of the form --name value, exit codes, medians.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace weir::bench {

// By option, what takes its value.
using option_setters = std::map<std::string, std::function<void(const std::string&)>>;

// Throws std::invalid_argument for an option that is not there or has no value, and whatever its setter throws.
void read_options(int argc, char** argv, const option_setters& setters);

// The program's exit code: 2 and the usage when parse() throws, 1 when run() does, else 0.
int run_program(std::string_view name, std::string_view usage, const std::function<void()>& parse,
                const std::function<void()>& run);

// The upper one of two in the middle; 0: there are none.
double median(std::vector<double> values);

}  // namespace weir::bench
