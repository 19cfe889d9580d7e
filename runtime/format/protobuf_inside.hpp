// What protobuf_*.cpp share: the library's headers stand here and nowhere else.
#pragma once

#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/dynamic_message.h>

#include "runtime/format/protobuf_type.hpp"

namespace weir {

inline constexpr int max_protobuf_depth = 64;

// Keeps what the library has to say of a descriptor set, instead of printing it.
class descriptor_errors final : public google::protobuf::DescriptorPool::ErrorCollector {
 public:
  void AddError(const std::string& file, const std::string& element, const google::protobuf::Message*, ErrorLocation,
                const std::string& message) override {
    if (first.empty()) first = fmt::format("{}: {}: {}", file, element, message);
  }
  std::string first;
};

struct protobuf_type::inside {
  google::protobuf::SimpleDescriptorDatabase files;
  descriptor_errors errors;
  google::protobuf::DescriptorPool pool{&files, &errors};
  mutable google::protobuf::DynamicMessageFactory factory{&pool};
  const google::protobuf::Descriptor* type = nullptr;
};

}  // namespace weir
