#include "actors/gateway/dashboard_files.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace weir {
namespace {

std::string_view type_of(std::string_view path) {
  if (path.ends_with(".html")) return "text/html; charset=utf-8";
  if (path.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (path.ends_with(".css")) return "text/css; charset=utf-8";
  if (path.ends_with(".svg")) return "image/svg+xml";
  return path.ends_with(".txt") ? "text/plain; charset=utf-8" : "application/octet-stream";
}

// Names of plain files only: nothing that climbs or hides.
bool is_plain(const std::string& segment) {
  return !segment.empty() && segment.front() != '.' && segment.find_first_of("/\\") == std::string::npos;
}

}  // namespace

std::optional<std::string> dashboard_files::read(const std::string& path) const {
  if (ui_dir_.empty()) {
    for (const auto& file : embedded_dashboard()) {
      if (file.path == path) return std::string(file.bytes);
    }
    return std::nullopt;
  }
  const auto full = std::filesystem::path(ui_dir_) / path;
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(full, ignored)) return std::nullopt;
  std::ifstream file(full, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

std::optional<http_response> dashboard_files::find(const std::vector<std::string>& segments) const {
  std::string path;
  for (const auto& segment : segments) {
    if (!is_plain(segment)) return std::nullopt;
    path += (path.empty() ? "" : "/") + segment;
  }
  if (path.empty()) path = "index.html";
  auto bytes = read(path);
  if (!bytes) return std::nullopt;
  http_response out{.content_type = std::string(type_of(path)), .body = std::move(*bytes)};
  out.headers.emplace_back("Cache-Control", "no-cache");
  return out;
}

}  // namespace weir
