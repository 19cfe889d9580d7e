// Schemas of Avro records by their number: of a schema registry (Confluent's REST interface), or of a folder with files
// ID.avsc. Schemas never change once they have a number, so each is asked for once.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "runtime/result.hpp"

namespace weir {

class schema_registry {
 public:
  // "http://host:port/path", or a folder; empty: none.
  schema_registry(std::string where, std::chrono::milliseconds timeout) : where_(std::move(where)), timeout_(timeout) {}

  // errc::not_found: it has none of this number. unavailable, timeout: it may answer later. unsupported: not Avro, or
  // made of other schemas. Any thread.
  result<std::string> schema(std::uint32_t id);

 private:
  result<std::string> ask(std::uint32_t id) const;
  result<std::string> read_file(std::uint32_t id) const;

  std::string where_;
  std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  std::map<std::uint32_t, std::string> known_;
};

}  // namespace weir
