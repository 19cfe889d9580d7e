// What the clients of edges_bench send: JSON records of one length that carry the time at which they went out. One in
// ten passes the filter of the view that is followed.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace weir::bench {

inline constexpr std::uint64_t records_per_row = 10;

// Records of one length; only their times and values are written anew.
class sent_records {
 public:
  // Behind `head`, each with a newline.
  sent_records(std::string head, int count);
  // Of the records `first`, `first` + 1, ... that go out now.
  const std::string& stamped(std::int64_t sent_us, std::uint64_t first);

 private:
  std::string text_;
  std::size_t head_bytes_;
  int count_;
};

// The time that such a record carries; 0: it does not pass.
std::int64_t sent_time_if_passing(std::string_view record);

// A load on a node or a bare loop.
struct load {
  int records_at_once = 1;  // in one request or packet
  double rate = 0;          // records a second; 0: as fast as they are taken
  double seconds = 1;
};
struct load_result {
  std::uint64_t records = 0;            // that were confirmed
  double wall_s = 0, client_cpu_s = 0;  // of the sending thread
  std::vector<std::int64_t> answer_us;  // from when a request was due to its answer; ascending

  std::uint64_t rows() const { return (records + records_per_row - 1) / records_per_row; }
};

}  // namespace weir::bench
