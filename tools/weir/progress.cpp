#include "tools/weir/progress.hpp"

#include "tools/weir/output/display_text.hpp"

namespace weir::cli {

progress::~progress() {
  if (shown_ && io_.err_is_tty && !last_.empty()) io_.err << "\n" << std::flush;
}

void progress::say(const std::string& text) {
  if (!shown_ || text == last_) return;
  last_ = text;
  const auto line = printable(text);
  if (io_.err_is_tty) {
    io_.err << "\r\x1b[K" << (io_.width > 0 ? truncated(line, io_.width - 1) : line) << std::flush;
  } else {
    io_.err << line << "\n" << std::flush;
  }
}

}  // namespace weir::cli
