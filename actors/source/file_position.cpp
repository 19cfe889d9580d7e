#include "actors/source/file_position.hpp"

#include <nlohmann/json.hpp>

#include "actors/source/file_access.hpp"

namespace weir {
namespace {

constexpr int version = 1;

// get<std::uint64_t>() would take -1 for a large number; the exception is caught by decode_position().
std::uint64_t count_at(const nlohmann::json& in, const char* name) {
  const auto& value = in.at(name);
  if (!value.is_number_unsigned()) {
    throw nlohmann::json::type_error::create(302, fmt::format("{} is no count", name), &in);
  }
  return value.get<std::uint64_t>();
}

// get<std::int64_t>() would take 1.5 and 1e300 for whole numbers.
std::int64_t whole_at(const nlohmann::json& in, const char* name) {
  const auto& value = in.at(name);
  if (!value.is_number_integer()) {
    throw nlohmann::json::type_error::create(302, fmt::format("{} is no whole number", name), &in);
  }
  return value.get<std::int64_t>();
}

nlohmann::json to_json(const file_progress& file) {
  nlohmann::json out = {{"path", escape_name(file.path)},
                        {"dev", file.device},
                        {"ino", file.inode},
                        {"bytes", file.bytes},
                        {"size", file.size},
                        {"modified", file.modified_us},
                        {"context", file.context_hash},
                        {"tail", file.tail_hash}};
  if (file.done) out["done"] = true;
  return out;
}

result<file_progress> progress_from(const nlohmann::json& in) {
  file_progress file;
  WEIR_TRY(path, unescape_name(in.at("path").get_ref<const std::string&>()));
  file.path = std::move(path);
  file.device = count_at(in, "dev");
  file.inode = count_at(in, "ino");
  file.bytes = count_at(in, "bytes");
  file.size = count_at(in, "size");
  file.modified_us = whole_at(in, "modified");
  file.context_hash = in.at("context").get<std::string>();
  file.tail_hash = in.at("tail").get<std::string>();
  file.done = in.value("done", false);
  return file;
}

result<file_position> position_from(const nlohmann::json& in) {
  file_position position;
  if (whole_at(in, "v") != version) {
    return fail(errc::corrupt, "position of version {}, this program reads version {}", in.at("v").dump(), version);
  }
  if (in.contains("file")) {
    WEIR_TRY(file, progress_from(in.at("file")));
    position.file = std::move(file);
  }
  WEIR_TRY(below, unescape_name(in.value("below", std::string())));
  position.below = std::move(below);
  if (in.contains("below_files") == position.below.empty())
    return fail(errc::corrupt, "a file source cannot resume: of below and below_files, its position has only one");
  position.below_files = position.below.empty() ? 0 : count_at(in, "below_files");
  for (const auto& name : in.value("done", nlohmann::json::array())) {
    WEIR_TRY(done, unescape_name(name.get_ref<const std::string&>()));
    position.done.insert(std::move(done));
  }
  position.ended = in.value("ended", false);
  return position;
}

}  // namespace

std::string encode_position(const file_position& position) {
  nlohmann::json out = {{"v", version}};
  if (position.file) out["file"] = to_json(*position.file);
  if (!position.below.empty()) {
    out["below"] = escape_name(position.below);
    out["below_files"] = position.below_files;
  }
  for (const auto& name : position.done) out["done"].push_back(escape_name(name));
  if (position.ended) out["ended"] = true;
  return out.dump();
}

result<file_position> decode_position(std::string_view text) {
  if (text.empty()) return file_position{};
  const auto in = nlohmann::json::parse(text, nullptr, false);
  if (!in.is_object()) return fail(errc::corrupt, "a file source cannot resume: its position is no JSON object");
  try {
    return position_from(in);
  } catch (const nlohmann::json::exception& e) {
    return fail(errc::corrupt, "a file source cannot resume: its position is damaged: {}", e.what());
  }
}

}  // namespace weir
