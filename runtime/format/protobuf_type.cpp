#include <fmt/ranges.h>

#include <algorithm>
#include <mutex>
#include <set>

#include "runtime/excerpt.hpp"
#include "runtime/format/protobuf_inside.hpp"

namespace weir {

namespace {

namespace pb = google::protobuf;

constexpr std::size_t max_set = 512U << 10, max_files = 1'000, named_at_most = 10;

void list_messages(const pb::DescriptorProto& one, const std::string& around, std::vector<std::string>& out) {
  const auto name = around.empty() ? one.name() : around + "." + one.name();
  if (!one.options().map_entry()) out.push_back(name);
  for (const auto& inner : one.nested_type()) list_messages(inner, name, out);
}

std::string messages_of(const pb::FileDescriptorSet& set) {
  std::vector<std::string> names;
  for (const auto& file : set.file())
    if (!file.package().starts_with("google.protobuf"))
      for (const auto& one : file.message_type()) list_messages(one, file.package(), names);
  const auto more = names.size() > named_at_most;
  names.resize(std::min(names.size(), named_at_most));
  return fmt::format("{}{}", fmt::join(names, ", "), more ? ", ..." : "");
}

// The file and all that it imports, those first.
void add_file(const pb::FileDescriptor& file, std::set<const pb::FileDescriptor*>& seen, pb::FileDescriptorSet& out) {
  if (!seen.insert(&file).second) return;
  for (int i = 0; i < file.dependency_count(); ++i) add_file(*file.dependency(i), seen, out);
  file.CopyTo(out.add_file());
}

}  // namespace

protobuf_type::protobuf_type(std::unique_ptr<inside> in) : in_(std::move(in)) {}
protobuf_type::~protobuf_type() = default;

result<std::shared_ptr<const protobuf_type>> protobuf_type::parse(std::string_view descriptor_set,
                                                                  std::string_view message) {
  static std::once_flag silenced;  // it prints what it does not like, also of records
  std::call_once(silenced, [] { pb::SetLogHandler(nullptr); });
  if (descriptor_set.size() > max_set)
    return fail(errc::limit_exceeded, "a descriptor set has more than {} bytes", max_set);
  pb::FileDescriptorSet set;
  if (!set.ParseFromArray(descriptor_set.data(), static_cast<int>(descriptor_set.size())) || set.file().empty())
    return with_hint(fail(errc::parse_error, "these bytes are no descriptor set"),
                     "make one: protoc --include_imports --descriptor_set_out=x.desc x.proto");
  if (static_cast<std::size_t>(set.file_size()) > max_files)
    return fail(errc::limit_exceeded, "a descriptor set has more than {} files", max_files);
  auto in = std::make_unique<inside>();
  for (const auto& file : set.file())
    if (!in->files.Add(file))
      return fail(errc::parse_error, "the descriptor set declares something of {} twice", quoted_excerpt(file.name()));
  in->type = in->pool.FindMessageTypeByName(std::string(message));
  if (in->type == nullptr && !in->errors.first.empty())
    return with_hint(fail(errc::parse_error, "the descriptor set cannot be used: {}", in->errors.first),
                     "make it with protoc --include_imports");
  if (in->type == nullptr)
    return fail(errc::not_found, "the descriptor set has no message {}; it has: {}", quoted_excerpt(message),
                messages_of(set));
  return std::shared_ptr<const protobuf_type>(new protobuf_type(std::move(in)));
}

std::string protobuf_type::descriptor_set() const {
  pb::FileDescriptorSet out;
  std::set<const pb::FileDescriptor*> seen;
  add_file(*in_->type->file(), seen, out);
  return out.SerializeAsString();
}

std::vector<int> protobuf_type::path() const {
  std::vector<int> out;
  for (const auto* type = in_->type; type != nullptr; type = type->containing_type()) out.push_back(type->index());
  std::ranges::reverse(out);
  return out;
}

std::vector<protobuf_type::source> protobuf_type::sources() const {
  const auto is_own = [](const pb::FileDescriptor& file) { return file.name().starts_with("google/protobuf/"); };
  std::vector<source> out;
  std::set<const pb::FileDescriptor*> seen;
  pb::FileDescriptorSet ordered;
  add_file(*in_->type->file(), seen, ordered);
  for (const auto& one : ordered.file()) {
    const auto& file = *in_->pool.FindFileByName(one.name());
    if (is_own(file)) continue;
    source made{file.name(), file.DebugString(), {}};
    for (int i = 0; i < file.dependency_count(); ++i)
      if (!is_own(*file.dependency(i))) made.imports.push_back(file.dependency(i)->name());
    out.push_back(std::move(made));
  }
  return out;
}

bool protobuf_type::has_field(std::string_view name) const {
  return in_->type->FindFieldByName(std::string(name)) != nullptr;
}

}  // namespace weir
