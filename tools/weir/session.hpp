// What a command works with: its settings, the node, the printer.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>

#include "tools/weir/api_client.hpp"
#include "tools/weir/endpoint.hpp"
#include "tools/weir/exit_code.hpp"
#include "tools/weir/output/printer.hpp"
#include "tools/weir/terminal.hpp"

namespace weir::cli {

struct settings {
  endpoint_flags node;
  std::string format = "table";
  double timeout_s = 30;
  bool no_color = false;
  bool progress = false;
};

class session {
 public:
  session(const terminal& io, const settings& set, const printer& print) : io_(io), set_(set), print_(print) {}

  // Finds the node's address at the first call; connects with each request. Valid as long as the session.
  result<api_client*> node();

  const printer& print() const { return print_; }
  const terminal& io() const { return io_; }
  bool shows_progress() const { return set_.progress || io_.err_is_tty; }
  std::chrono::milliseconds timeout() const;
  // Sleeps in short steps; false: Ctrl-C was pressed.
  bool pause(std::chrono::milliseconds how_long) const;

 private:
  const terminal& io_;
  const settings& set_;
  const printer& print_;
  std::optional<api_client> node_;
};

using action = std::function<result<exit_code>(session&)>;

}  // namespace weir::cli
