// One line of progress on standard error.
#pragma once

#include <string>

#include "tools/weir/session.hpp"

namespace weir::cli {

class progress {
 public:
  explicit progress(const session& s) : io_(s.io()), shown_(s.shows_progress()) {}
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  // On a terminal the line is rewritten in place; elsewhere every change is a line of its own.
  void say(const std::string& text);

 private:
  const terminal& io_;
  bool shown_;
  std::string last_;
};

}  // namespace weir::cli
