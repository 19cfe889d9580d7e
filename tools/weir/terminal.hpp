// What the program sees of its surroundings: streams, environment, Ctrl-C. Tests give their own.
#pragma once

#include <atomic>
#include <functional>
#include <optional>
#include <ostream>
#include <string>

namespace weir::cli {

struct terminal {
  std::ostream& out;
  std::ostream& err;
  bool out_is_tty = false;
  bool err_is_tty = false;
  std::size_t width = 0;  // columns of `out`; 0: no limit
  std::function<std::optional<std::string>(const std::string&)> environment;
  const std::atomic<bool>& stopped;  // Ctrl-C was pressed
};

}  // namespace weir::cli
