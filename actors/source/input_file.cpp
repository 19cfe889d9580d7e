#include "actors/source/input_file.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "runtime/batch/key_codec.hpp"

namespace weir {
namespace {

constexpr std::size_t raw_block = 64 << 10;  // compressed bytes read at a time
constexpr std::size_t tail_size = 64;
constexpr char gzip_magic_1 = '\x1f';
constexpr char gzip_magic_2 = '\x8b';

}  // namespace

result<std::size_t> input_file::read_file(char* to, std::size_t size, std::uint64_t at) const {
  std::size_t have = 0;
  while (have < size) {
    const auto n = ::pread(fd_, to + have, size - have, static_cast<off_t>(at + have));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(system_error(errno, "read", path_));
    if (n == 0) break;
    have += static_cast<std::size_t>(n);
  }
  return have;
}

void input_file::remember_tail(std::string_view read) {
  tail_.append(read.substr(read.size() - std::min(read.size(), tail_size)));
  if (tail_.size() > tail_size) tail_.erase(0, tail_.size() - tail_size);
}

// One byte that could begin gzip is not judged before the second stands there.
status input_file::detect() {
  char magic[2] = {};
  WEIR_TRY(n, read_file(magic, sizeof magic, 0));
  half_magic_ = n == 1 && magic[0] == gzip_magic_1;
  if (n == 0 || half_magic_) return {};
  detected_ = true;
  if (n == 2 && magic[0] == gzip_magic_1 && magic[1] == gzip_magic_2) inflater_ = std::make_unique<gzip_inflater>();
  return {};
}

result<std::size_t> input_file::read(std::string& out, std::size_t max_bytes) {
  if (broken_) return fail(*broken_);
  if (!detected_) {
    WEIR_TRY_VOID(detect());
    if (!detected_) return std::size_t{0};
  }
  WEIR_TRY(n, inflater_ ? read_inflated(out, max_bytes) : read_plain(out, max_bytes));
  offset_ += n;
  return n;
}

result<std::size_t> input_file::read_plain(std::string& out, std::size_t max_bytes) {
  const std::size_t before = out.size();
  out.resize(before + max_bytes);
  const auto n = read_file(out.data() + before, max_bytes, raw_offset_);
  out.resize(before + (n ? *n : 0));
  if (!n) return n;
  raw_offset_ += *n;
  remember_tail(std::string_view(out).substr(before));
  return n;
}

result<std::size_t> input_file::read_inflated(std::string& out, std::size_t max_bytes) {
  const std::size_t before = out.size();
  for (;;) {
    std::string_view input = std::string_view(raw_).substr(raw_at_);
    const auto inflated = inflater_->inflate(input, out, max_bytes - (out.size() - before));
    raw_at_ = raw_.size() - input.size();
    if (!inflated) {
      broken_ = error{
          errc::corrupt,
          fmt::format("{}: damaged gzip near byte {} of the file, after {} bytes of content: {}", escape_name(path_),
                      raw_offset_ - input.size(), offset_ + out.size() - before, inflated.error().message),
          "replace the file by a whole one under a new name"};
      if (out.size() == before) return fail(*broken_);
      return out.size() - before;
    }
    if (out.size() - before == max_bytes) return max_bytes;
    raw_.resize(raw_block);
    const auto n = read_file(raw_.data(), raw_block, raw_offset_);
    raw_.resize(n ? *n : 0);
    raw_at_ = 0;
    if (!n) return n;
    if (*n == 0) return out.size() - before;
    raw_offset_ += *n;
    remember_tail(raw_);
  }
}

result<bool> input_file::skip_to(std::uint64_t offset, std::size_t budget) {
  if (!detected_) WEIR_TRY_VOID(detect());
  if (!inflater_) {
    WEIR_TRY(now, state());
    if (now.size < offset) {
      return fail(errc::offset_out_of_range, "{} has {} bytes now, less than the {} already read of it",
                  escape_name(path_), now.size, offset);
    }
    offset_ = raw_offset_ = offset;
    tail_.resize(std::min<std::uint64_t>(offset, tail_size));
    WEIR_TRY(n, read_file(tail_.data(), tail_.size(), offset - tail_.size()));
    tail_.resize(n);
    return true;
  }
  std::string passed;
  while (offset_ < offset && budget > 0) {
    passed.clear();
    WEIR_TRY(n, read(passed, std::min<std::uint64_t>({offset - offset_, budget, raw_block * 4})));
    if (n == 0) {
      return fail(errc::offset_out_of_range, "{} inflates to {} bytes now, less than the {} already read of it",
                  escape_name(path_), offset_, offset);
    }
    budget -= n;
  }
  return offset_ == offset;
}

bool input_file::cut_short() const { return half_magic_ || (inflater_ && !inflater_->at_member_end()); }

tl::unexpected<error> input_file::cut_short_error() const {
  return with_hint(fail(errc::corrupt,
                        "{}: the gzip data ends too early, at byte {} of the file, after {} bytes of "
                        "content",
                        escape_name(path_), raw_offset_ + (half_magic_ ? 1 : 0), offset_),
                   "replace the file by a whole one under a new name, or set follow=true if it still grows");
}

result<file_state> input_file::state() const {
  struct ::stat found {};
  if (::fstat(fd_, &found) != 0) return fail(system_error(errno, "look at", path_));
  return to_file_state(found);
}

status input_file::still_the_same() const {
  WEIR_TRY(now, state());
  if (now.size < raw_offset_) {
    return fail(errc::offset_out_of_range, "{} shrank: it has {} bytes, {} were already read of it", escape_name(path_),
                now.size, raw_offset_);
  }
  std::string there(tail_.size(), '\0');
  WEIR_TRY(n, read_file(there.data(), there.size(), raw_offset_ - tail_.size()));
  if (n != tail_.size() || there != tail_) {
    return fail(errc::conflict,
                "{} was written anew: the bytes before {}, which were already read, differ now "
                "(size {})",
                escape_name(path_), raw_offset_, now.size);
  }
  return {};
}

result<std::string> input_file::tail_hash(std::uint64_t offset) const {
  std::string bytes(std::min<std::uint64_t>(offset, tail_size), '\0');
  WEIR_TRY(n, read_file(bytes.data(), bytes.size(), offset - bytes.size()));
  bytes.resize(n);
  return fmt::format("{:016x}", stable_hash(bytes));
}

}  // namespace weir
