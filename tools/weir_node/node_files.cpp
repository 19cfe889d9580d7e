#include "tools/weir_node/node_files.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

namespace weir {

namespace {

constexpr std::size_t token_bytes = 32;

tl::unexpected<error> io_failure(std::string_view doing, const std::string& path) {
  return fail(errc::io_error, "cannot {} {}: {}", doing, path, std::strerror(errno));
}

// Written whole under another name, then renamed: a reader never sees half of it.
status write_private(const std::string& path, const std::string& text) {
  const auto part = path + ".part";
  ::unlink(part.c_str());
  const int file = ::open(part.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (file < 0) return io_failure("write", part);
  const auto written = ::write(file, text.data(), text.size());
  const bool whole = written == static_cast<ssize_t>(text.size()) && ::fsync(file) == 0;
  if (!whole) {
    auto failed = io_failure("write", part);
    ::close(file);
    ::unlink(part.c_str());
    return failed;
  }
  ::close(file);
  return ::rename(part.c_str(), path.c_str()) == 0 ? status{} : status(io_failure("write", path));
}

result<std::string> random_token() {
  std::array<unsigned char, token_bytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    return fail(errc::internal, "the system gives no random numbers for a token");
  std::string out;
  for (const auto b : bytes) out += fmt::format("{:02x}", b);
  return out;
}

}  // namespace

result<std::string> node_token(const std::string& configured, const std::string& data_dir) {
  if (!configured.empty()) return configured;
  const auto path = (std::filesystem::path(data_dir) / "token").string();
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    std::string token;
    std::ifstream in(path);
    if (!std::getline(in, token) || token.empty())
      return with_hint(fail(errc::io_error, "the token file {} cannot be read or is empty", path),
                       "remove it, and the node makes a new one");
    return token;
  }
  WEIR_TRY(token, random_token());
  WEIR_TRY_VOID(write_private(path, token + "\n"));
  return token;
}

result<node_file> node_file::write(const std::string& data_dir, const std::string& url, const std::string& token) {
  const auto path = (std::filesystem::path(data_dir) / "node.json").string();
  WEIR_TRY_VOID(write_private(path, nlohmann::json{{"url", url}, {"token", token}}.dump() + "\n"));
  return node_file(path);
}

void node_file::remove() { ::unlink(path_.c_str()); }

}  // namespace weir
