// Schemas of records that others write and read, and their numbers: of a schema registry (Confluent's REST interface),
// or of a folder with files ID.avsc. Schemas never change once they have a number, so each is asked for once.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "actors/registry_http.hpp"
#include "runtime/result.hpp"

namespace weir {

// A schema that records are about to be written with.
struct schema_offer {
  std::string subject;        // what the registry knows it under: the topic's name and -value or -key
  std::string text;           // Avro
  std::string compatibility;  // of a subject that is new; empty: the registry's default

  bool operator==(const schema_offer&) const = default;
};

class schema_registry {
 public:
  // "http://host:port/path", or a folder; empty: none.
  schema_registry(std::string where, std::chrono::milliseconds timeout) : where_(std::move(where)), timeout_(timeout) {}

  // errc::not_found: it has none of this number. unavailable, timeout: it may answer later. unsupported: not Avro, or
  // made of other schemas. Any thread.
  result<std::string> schema(std::uint32_t id);

  // The number of a schema, which is registered where it has none. conflict: it is not compatible with the subject's;
  // not_found: the folder has no such file. Asks several times, each with the timeout. Any thread.
  result<std::uint32_t> number_of(const schema_offer& offer) const;

 private:
  bool is_web() const { return where_.starts_with("http"); }
  result<std::string> ask(std::uint32_t id) const;
  result<std::string> read_file(std::uint32_t id) const;
  result<std::uint32_t> file_of(const schema_offer& offer) const;
  result<std::uint32_t> enter(const registry_place& to, const schema_offer& offer) const;
  status check_level(const registry_place& to, const schema_offer& offer, bool is_new) const;
  status check_compatible(const registry_place& to, const schema_offer& offer) const;
  std::string level_of(const registry_place& to, const std::string& subject) const;
  result<registry_answer> exchange(const registry_place& to, const registry_request& what) const;
  tl::unexpected<error> refused(const registry_place& to, const schema_offer& offer, std::string_view said) const;

  std::string where_;
  std::chrono::milliseconds timeout_;
  std::mutex mutex_;
  std::map<std::uint32_t, std::string> known_;
};

}  // namespace weir
