// Log messages as JSON lines: {"time","level","message", and the message's own key=value fields}.
#pragma once

#include <spdlog/formatter.h>

#include <memory>

namespace weir {

class json_lines : public spdlog::formatter {
 public:
  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override;
  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<json_lines>(); }
};

}  // namespace weir
