#include "tools/weir/text_file.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>

namespace weir::cli {

result<std::string> read_text_file(const std::string& path, std::size_t max_bytes) {
  std::ifstream file;
  if (path != "-") {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) return fail(errc::invalid_argument, "'{}' is a folder", path);
    errno = 0;
    file.open(path, std::ios::binary);
    if (!file) {
      return fail(errc::invalid_argument, "cannot read '{}': {}", path, std::strerror(errno == 0 ? EIO : errno));
    }
  }
  std::istream& in = path == "-" ? std::cin : file;
  std::string text(max_bytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (in.bad()) return fail(errc::io_error, "reading '{}' failed", path);
  if (text.size() > max_bytes) return fail(errc::limit_exceeded, "'{}' has more than {} bytes", path, max_bytes);
  return text;
}

}  // namespace weir::cli
