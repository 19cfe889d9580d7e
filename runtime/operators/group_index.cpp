#include "runtime/operators/group_index.hpp"

#include <algorithm>

namespace weir {

void group_index::insert(std::uint64_t hash, std::uint32_t number) {
  if ((used_ + 1) * 2 > entries_.size()) grow();
  const std::size_t mask = entries_.size() - 1;
  std::size_t i = hash & mask;
  while (entries_[i].number != none) i = (i + 1) & mask;
  entries_[i] = {hash, number};
  ++used_;
}

void group_index::erase(std::uint64_t hash, std::uint32_t number) {
  const std::size_t mask = entries_.size() - 1;
  std::size_t hole = hash & mask;
  while (entries_[hole].number != number) hole = (hole + 1) & mask;
  // Entries behind the hole move up unless that would put them before their home.
  for (std::size_t i = (hole + 1) & mask; entries_[i].number != none; i = (i + 1) & mask) {
    const std::size_t home = entries_[i].hash & mask;
    if (((i - home) & mask) < ((i - hole) & mask)) continue;
    entries_[hole] = entries_[i];
    hole = i;
  }
  entries_[hole] = {};
  --used_;
}

void group_index::clear() {
  std::fill(entries_.begin(), entries_.end(), entry{});
  used_ = 0;
}

void group_index::grow() {
  std::vector<entry> old(std::max<std::size_t>(64, entries_.size() * 2));
  old.swap(entries_);
  const std::size_t mask = entries_.size() - 1;
  for (const auto& e : old) {
    if (e.number == none) continue;
    std::size_t i = e.hash & mask;
    while (entries_[i].number != none) i = (i + 1) & mask;
    entries_[i] = e;
  }
}

}  // namespace weir
