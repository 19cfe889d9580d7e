#include "actors/shard/suspect_turn.hpp"

#include <algorithm>

namespace weir {

bool suspect_turn::ask(int shard, std::string_view pipeline, bool alone) {
  std::lock_guard lock(mutex_);
  const auto is_it = [&](const waiting& w) { return w.shard == shard && w.pipeline == pipeline; };
  auto at = std::ranges::find_if(line_, is_it);
  if (at == line_.end()) at = line_.insert(at, {shard, std::string(pipeline), alone});
  at->alone = alone;
  if (alone) return at == line_.begin();
  return std::none_of(line_.begin(), at, [](const waiting& w) { return w.alone; });
}

void suspect_turn::leave(int shard, std::string_view pipeline) {
  std::lock_guard lock(mutex_);
  std::erase_if(line_, [&](const waiting& w) { return w.shard == shard && w.pipeline == pipeline; });
}

void suspect_turn::leave_all(int shard) {
  std::lock_guard lock(mutex_);
  std::erase_if(line_, [&](const waiting& w) { return w.shard == shard; });
}

}  // namespace weir
