// How the program ends; part of its interface, so numbers never change their meaning.
#pragma once

#include "runtime/result.hpp"

namespace weir::cli {

enum class exit_code : int {
  ok = 0,
  failure = 1,
  usage = 2,
  not_found = 3,
  unhealthy = 4,
  unreachable = 5,
  timeout = 124,
  interrupted = 130,
};

// errc::unavailable stands for a node that cannot be reached; a node's own 503 comes as errc::rejected.
constexpr exit_code exit_code_of(errc code) {
  switch (code) {
    case errc::not_found: return exit_code::not_found;
    case errc::unavailable: return exit_code::unreachable;
    case errc::timeout: return exit_code::timeout;
    case errc::cancelled: return exit_code::interrupted;
    default: return exit_code::failure;
  }
}

inline constexpr const char* exit_code_help = R"(Exit codes:
  0    done
  1    the node or a file said no; the reason is on standard error
  2    the command line is wrong
  3    what was named does not exist
  4    the node, a source or a pipeline is unhealthy
  5    the node cannot be reached
  124  it took longer than --timeout
  130  interrupted with Ctrl-C (tail ends with 0 then))";

}  // namespace weir::cli
