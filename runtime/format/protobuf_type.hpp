// Message types of Protobuf by their descriptors, without generated code. The library's headers stand in
// protobuf_inside.hpp only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"

namespace weir {

// One message type of a descriptor set, as protoc --include_imports --descriptor_set_out writes it. Immutable.
class protobuf_type {
 public:
  // parse_error: no descriptor set, or one that contradicts itself; not_found: it has no such message; limit_exceeded.
  static result<std::shared_ptr<const protobuf_type>> parse(std::string_view descriptor_set, std::string_view message);
  ~protobuf_type();
  protobuf_type(const protobuf_type&) = delete;
  protobuf_type& operator=(const protobuf_type&) = delete;

  // The least descriptor set that has the message.
  std::string descriptor_set() const;
  // Where it stands in its file: the place among the file's messages, then among those inside of that one.
  std::vector<int> path() const;
  bool has_field(std::string_view name) const;
  // Its file and those that it imports, except Protobuf's own, as their sources (.proto); each behind what it imports,
  // the message's own last.
  struct source {
    std::string name, text;
    std::vector<std::string> imports;  // by name

    bool operator==(const source&) const = default;
  };
  std::vector<source> sources() const;

  struct inside;
  const inside& in() const { return *in_; }

 private:
  explicit protobuf_type(std::unique_ptr<inside> in);
  std::unique_ptr<inside> in_;
};

}  // namespace weir
