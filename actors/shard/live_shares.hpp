// The shares of a stream's live sources in one shard: how many there are and which is the least, without a look at
// each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>

namespace weir {

class live_shares {
 public:
  void add(std::int64_t share_us) {
    ++sources_at_[share_us];
    ++count_;
  }
  // A share that was added.
  void remove(std::int64_t share_us) {
    const auto it = sources_at_.find(share_us);
    if (--it->second == 0) sources_at_.erase(it);
    --count_;
  }
  std::size_t count() const { return count_; }
  std::optional<std::int64_t> least() const {
    return sources_at_.empty() ? std::nullopt : std::optional(sources_at_.begin()->first);
  }

 private:
  std::map<std::int64_t, std::size_t> sources_at_;
  std::size_t count_ = 0;
};

}  // namespace weir
