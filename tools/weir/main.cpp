#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "tools/weir/program.hpp"

namespace {

std::atomic<bool> stopped{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set in a signal handler");

// The first Ctrl-C ends what runs in order, a second one ends the program at once.
void on_interrupt(int signal) {
  stopped = true;
  std::signal(signal, SIG_DFL);
}

std::size_t terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

std::optional<std::string> environment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, on_interrupt);
  std::signal(SIGTERM, on_interrupt);
  const bool out_is_tty = isatty(STDOUT_FILENO) == 1;
  const weir::cli::terminal io{
      std::cout,   std::cerr, out_is_tty, isatty(STDERR_FILENO) == 1, out_is_tty ? terminal_width() : 0,
      environment, stopped};
  const auto code = weir::cli::run_program(std::vector<std::string>(argv + 1, argv + argc), io);
  std::cout.flush();
  return static_cast<int>(code);
}
