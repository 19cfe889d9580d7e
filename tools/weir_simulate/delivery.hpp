// How simulated records leave the program: one way for each protocol behind this interface.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/result.hpp"

namespace weir::simulate {

// Records of one instrument that follow on each other. The same (instrument, number) is the same batch, byte for byte.
struct record_batch {
  std::uint64_t instrument = 0, number = 0;
  std::string_view media;   // application/x-ndjson or text/csv
  std::string_view header;  // of CSV; else empty
  std::string_view lines;   // each with its newline
  std::uint64_t count = 0;
};

struct delivered {
  std::uint64_t accepted = 0, dead = 0;
  std::uint64_t retried = 0;  // how often it was sent again
};

// One instrument's connection; used by one thread.
class delivery {
 public:
  virtual ~delivery() = default;
  // Returns when the other side has confirmed the batch, or why it will not: then the instrument stops.
  virtual result<delivered> send(const record_batch& batch) = 0;
};

}  // namespace weir::simulate
