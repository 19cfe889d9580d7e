// Whose turn it is: a unit that the process may have died of is tried alone in the whole process, between its counted
// attempt and its commit; the others wait in line (PROTOCOL 9). So an attempt that a crash leaves behind belongs to the
// unit that was being tried, never to an innocent one beside it. Units of which no attempt is known are tried beside
// each other: a crash may leave one with an attempt that is not its own, and no more than one.
//
// Thread safety: every method may be called from any thread.
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>

namespace weir {

class suspect_turn {
 public:
  // True: it is its turn, until it leaves. False: it stands in line, and asks again. `alone`: not beside any other.
  bool ask(int shard, std::string_view pipeline, bool alone);
  void leave(int shard, std::string_view pipeline);
  void leave_all(int shard);

 private:
  struct waiting {
    int shard;
    std::string pipeline;
    bool alone;
  };

  std::mutex mutex_;
  std::deque<waiting> line_;
};

}  // namespace weir
