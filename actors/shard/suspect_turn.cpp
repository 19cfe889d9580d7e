#include "actors/shard/suspect_turn.hpp"

#include <algorithm>

namespace weir {

bool suspect_turn::ask(int shard, std::string_view pipeline) {
  std::lock_guard lock(mutex_);
  const auto is_it = [&](const auto& who) { return who.first == shard && who.second == pipeline; };
  if (std::ranges::none_of(line_, is_it)) line_.emplace_back(shard, pipeline);
  return is_it(line_.front());
}

void suspect_turn::leave(int shard, std::string_view pipeline) {
  std::lock_guard lock(mutex_);
  std::erase_if(line_, [&](const auto& who) { return who.first == shard && who.second == pipeline; });
}

void suspect_turn::leave_all(int shard) {
  std::lock_guard lock(mutex_);
  std::erase_if(line_, [&](const auto& who) { return who.first == shard; });
}

}  // namespace weir
