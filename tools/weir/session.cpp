#include "tools/weir/session.hpp"

#include <algorithm>
#include <thread>

namespace weir::cli {

result<api_client*> session::node() {
  if (!node_) {
    WEIR_TRY(found, find_endpoint(set_.node, io_));
    node_.emplace(std::move(found), timeout(), io_.stopped);
  }
  return &*node_;
}

std::chrono::milliseconds session::timeout() const {
  return std::chrono::milliseconds(static_cast<std::int64_t>(set_.timeout_s * 1000));
}

bool session::pause(std::chrono::milliseconds how_long) const {
  constexpr auto step = std::chrono::milliseconds(20);
  for (auto left = how_long; left.count() > 0 && !io_.stopped; left -= step) {
    std::this_thread::sleep_for(std::min(left, step));
  }
  return !io_.stopped;
}

}  // namespace weir::cli
