#include <zlib.h>

#include <algorithm>
#include <limits>

#include "runtime/format/framer.hpp"

namespace weir {

struct gzip_inflater::state {
  z_stream stream{};
  bool ready = false;
  bool at_member_end = false;
};

gzip_inflater::gzip_inflater() : state_(std::make_unique<state>()) {
  constexpr int gzip_only = 16 + MAX_WBITS;
  state_->ready = inflateInit2(&state_->stream, gzip_only) == Z_OK;
}

gzip_inflater::~gzip_inflater() { inflateEnd(&state_->stream); }

bool gzip_inflater::at_member_end() const { return state_->at_member_end; }

status gzip_inflater::inflate(std::string_view& input, std::string& out, std::size_t max_output) {
  if (!state_->ready) return fail(errc::limit_exceeded, "no memory for inflating gzip");
  constexpr std::size_t step = std::size_t{64} << 10;
  z_stream& z = state_->stream;
  std::size_t left = max_output;
  while (left > 0) {
    if (state_->at_member_end) {
      if (input.empty()) return {};
      inflateReset(&z);
      state_->at_member_end = false;
    }
    const std::size_t before = out.size();
    const std::size_t room = std::min(left, step);
    const auto offered = static_cast<uInt>(std::min<std::size_t>(input.size(), std::numeric_limits<uInt>::max()));
    out.resize(before + room);
    z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
    z.avail_in = offered;
    z.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    z.avail_out = static_cast<uInt>(room);
    const int rc = ::inflate(&z, Z_NO_FLUSH);
    const std::size_t written = room - z.avail_out;
    const std::size_t taken = offered - z.avail_in;
    out.resize(before + written);
    input.remove_prefix(taken);
    left -= written;
    if (rc == Z_STREAM_END)
      state_->at_member_end = true;
    else if (rc != Z_OK && rc != Z_BUF_ERROR)
      return fail(errc::corrupt, "no valid gzip: {}", z.msg != nullptr ? z.msg : "broken stream");
    else if (written == 0 && taken == 0)
      return {};  // nothing left to read
  }
  return {};
}

}  // namespace weir
