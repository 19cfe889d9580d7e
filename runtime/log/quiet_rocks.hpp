// RocksDB without its LOG file. Debian's build has assertions, and one of them ends the process at the first line that
// is written after a line met a full disk. What goes wrong comes back as a status.
#pragma once

#include <rocksdb/env.h>

#include <cstdarg>
#include <memory>

namespace weir {

class quiet_rocks : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, std::va_list) override {}

  static std::shared_ptr<rocksdb::Logger> logger() { return std::make_shared<quiet_rocks>(); }
};

}  // namespace weir
