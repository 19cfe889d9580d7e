#include "tools/bench/program.hpp"

#include <algorithm>
#include <iostream>
#include <stdexcept>

namespace weir::bench {

void read_options(int argc, char** argv, const option_setters& setters) {
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) throw std::invalid_argument(name + " needs a value");
    const auto set = setters.find(name);
    if (set == setters.end()) throw std::invalid_argument("unknown option " + name);
    set->second(argv[i + 1]);
  }
}

int run_program(std::string_view name, std::string_view usage, const std::function<void()>& parse,
                const std::function<void()>& run) {
  try {
    parse();
  } catch (const std::exception& e) {
    std::cerr << name << ": " << e.what() << "\nUsage: " << name << ' ' << usage << '\n';
    return 2;
  }
  try {
    run();
  } catch (const std::exception& e) {
    std::cerr << name << ": " << e.what() << '\n';
    return 1;
  }
  return 0;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values.empty() ? 0 : values[values.size() / 2];
}

}  // namespace weir::bench
