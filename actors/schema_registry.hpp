// Schemas of records that others write and read, and their numbers: of a schema registry (Confluent's REST interface),
// or of a folder with files ID.avsc. Schemas never change once they have a number, so each is asked for once.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>

#include "actors/registry_http.hpp"
#include "runtime/format/protobuf_type.hpp"
#include "runtime/result.hpp"

namespace weir {

// A schema that records are about to be written with.
struct schema_offer {
  std::string subject;        // what the registry knows it under: the topic's name and -value or -key
  std::string text;           // Avro; of Protobuf the source of its file
  std::string compatibility;  // of a subject that is new; empty: the registry's default
  // Of Protobuf: the files that it imports, each behind what it imports itself, and those that it names itself; the set
  // of all with the message's name, by which a folder is searched.
  std::vector<protobuf_type::source> imports;
  std::vector<std::string> direct_imports;
  std::string descriptor_set, message;

  bool is_protobuf() const { return !message.empty(); }
  bool operator==(const schema_offer&) const = default;
};

struct registry_options {
  std::string where;  // "http://host:port/path" or "https://...", or a folder; empty: none
  std::chrono::milliseconds timeout{4'000};
  std::string user, password_file;  // user empty: none
  std::string ca;                   // of https; empty: the system's
};

class schema_registry {
 public:
  explicit schema_registry(registry_options o) : options_(std::move(o)), where_(options_.where) {}

  // Made of other schemas (its references), it comes in one text with them, as avro_schema::parse() takes it.
  // errc::not_found: it has none of this number. unavailable, timeout: it may answer later. unsupported: not Avro.
  // limit_exceeded: too many references. Any thread.
  result<std::string> schema(std::uint32_t id);

  // The number of a schema, which is registered where it has none. conflict: it is not compatible with the subject's;
  // not_found: the folder has no such file. Asks several times, each with the timeout. Any thread.
  result<std::uint32_t> number_of(const schema_offer& offer) const;

 private:
  bool is_web() const { return where_.starts_with("http"); }
  result<registry_place> place() const;
  result<std::string> ask(std::uint32_t id) const;
  result<std::string> read_file(std::uint32_t id) const;
  result<std::uint32_t> file_of(const schema_offer& offer) const;
  result<std::set<std::uint32_t>> files_of(std::string_view extension) const;
  result<std::string> read_whole(const std::filesystem::path& path) const;
  result<std::uint32_t> enter(const registry_place& to, const schema_offer& offer) const;
  using subject_versions = std::map<std::string, std::uint64_t>;
  result<subject_versions> enter_imports(const registry_place& to, const schema_offer& offer) const;
  using reference_walk = std::set<std::string>;  // what was asked for
  status add_references(const registry_place& to, const nlohmann::json& of, int depth, reference_walk& walk,
                        nlohmann::json& types) const;
  status check_level(const registry_place& to, const schema_offer& offer, bool is_new) const;
  status check_compatible(const registry_place& to, const schema_offer& offer, const std::string& body) const;
  std::string level_of(const registry_place& to, const std::string& subject) const;
  result<registry_answer> exchange(const registry_place& to, const registry_request& what) const;
  tl::unexpected<error> refused(const registry_place& to, const schema_offer& offer, std::string_view said) const;

  registry_options options_;
  const std::string& where_;
  std::mutex mutex_;
  std::map<std::uint32_t, std::string> known_;
};

}  // namespace weir
