// Whose turn it is: of all units that a process may have died of, one at a time is tried in the whole process, between
// its counted attempt and its commit; the others wait in line (PROTOCOL 9). So an attempt that a crash leaves behind
// belongs to the unit that was being tried, never to an innocent one beside it.
//
// Thread safety: every method may be called from any thread.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace weir {

class suspect_turn {
 public:
  // True: it is its turn, until it leaves. False: it stands in line, and asks again.
  bool ask(int shard, std::string_view pipeline);
  void leave(int shard, std::string_view pipeline);
  void leave_all(int shard);

 private:
  std::mutex mutex_;
  std::deque<std::pair<int, std::string>> line_;
};

}  // namespace weir
