// Open addressing from a 64-bit hash to a number; the caller compares keys.
#pragma once

#include <cstdint>
#include <vector>

namespace weir {

class group_index {
 public:
  static constexpr std::uint32_t none = 0xffffffff;

  // The number under `hash` for which matches(number) holds; else none.
  template <class Matches>
  std::uint32_t find(std::uint64_t hash, Matches matches) const {
    if (entries_.empty()) return none;
    const std::size_t mask = entries_.size() - 1;
    for (std::size_t i = hash & mask; entries_[i].number != none; i = (i + 1) & mask)
      if (entries_[i].hash == hash && matches(entries_[i].number)) return entries_[i].number;
    return none;
  }
  // Has the place of `hash` fetched into the cache before find() looks there.
  void prefetch(std::uint64_t hash) const {
    if (!entries_.empty()) __builtin_prefetch(&entries_[hash & (entries_.size() - 1)]);
  }
  // The number that find() will most likely meet first; none: it has to search.
  std::uint32_t likely(std::uint64_t hash) const {
    if (entries_.empty()) return none;
    const auto& home = entries_[hash & (entries_.size() - 1)];
    return home.hash == hash ? home.number : none;
  }
  // The number must not be in the index.
  void insert(std::uint64_t hash, std::uint32_t number);
  void erase(std::uint64_t hash, std::uint32_t number);
  void clear();
  std::size_t memory_bytes() const { return entries_.capacity() * sizeof(entry); }

 private:
  struct entry {
    std::uint64_t hash = 0;
    std::uint32_t number = none;
  };
  void grow();

  std::vector<entry> entries_;  // a power of two, at most half full
  std::size_t used_ = 0;
};

}  // namespace weir
