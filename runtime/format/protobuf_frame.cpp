#include "runtime/format/protobuf_frame.hpp"

#include <fmt/ranges.h>

#include <optional>

#include "runtime/format/row_encoder.hpp"

namespace weir {

namespace {

constexpr std::int64_t max_path = 100;

void append_zigzag(std::string& out, int value) {
  auto left = static_cast<std::uint32_t>(value) << 1 ^ static_cast<std::uint32_t>(value >> 31);
  for (; left >= 0x80; left >>= 7) out += static_cast<char>(left | 0x80);
  out += static_cast<char>(left);
}

std::optional<std::int64_t> take_zigzag(std::string_view& bytes) {
  std::uint64_t raw = 0;
  for (int shift = 0; shift < 35 && !bytes.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes[0]);
    bytes.remove_prefix(1);
    raw |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
  }
  return std::nullopt;
}

std::optional<std::vector<int>> take_path(std::string_view& bytes) {
  const auto count = take_zigzag(bytes);
  if (!count || *count < 0 || *count > max_path) return std::nullopt;
  if (*count == 0) return std::vector{0};
  std::vector<int> out;
  for (std::int64_t i = 0; i < *count; ++i) {
    const auto place = take_zigzag(bytes);
    if (!place || *place < 0) return std::nullopt;
    out.push_back(static_cast<int>(*place));
  }
  return out;
}

}  // namespace

void append_protobuf_frame(std::string& out, std::uint32_t schema_id, const std::vector<int>& path) {
  append_schema_frame(out, schema_id);
  if (path == std::vector{0}) {
    out += '\0';
    return;
  }
  append_zigzag(out, static_cast<int>(path.size()));
  for (const int place : path) append_zigzag(out, place);
}

status remove_protobuf_frame(std::string_view& record, const std::vector<int>& path) {
  auto left = record;
  if (left.size() <= schema_frame_bytes || left[0] != 0)
    return fail(errc::parse_error, "no framed record: it does not begin with a zero byte and a schema's number");
  left.remove_prefix(schema_frame_bytes);
  const auto found = take_path(left);
  if (!found) return fail(errc::parse_error, "the record does not say which message of its schema it is");
  if (*found != path)
    return fail(errc::parse_error, "it is message {} of its schema, and the stream's is {}", fmt::join(*found, "."),
                fmt::join(path, "."));
  record = left;
  return {};
}

}  // namespace weir
