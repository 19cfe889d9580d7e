// What the body of a request can be: its media type tells how it falls into records.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace weir {

enum class body_media : std::uint8_t {
  json,    // one record
  ndjson,  // one per line
  csv,     // a header line, then one per line
  text,    // one per line, for streams of format isd or raw
  bytes,   // one record, for streams of format raw
};

struct body_media_name {
  std::string_view name;  // lower case, without parameters
  body_media media;
};

inline constexpr std::array body_media_names{
    body_media_name{"application/json", body_media::json},
    body_media_name{"application/x-ndjson", body_media::ndjson},
    body_media_name{"application/ndjson", body_media::ndjson},
    body_media_name{"text/csv", body_media::csv},
    body_media_name{"text/plain", body_media::text},
    body_media_name{"application/octet-stream", body_media::bytes},
};

inline std::optional<body_media> find_body_media(std::string_view name) {
  for (const auto& known : body_media_names)
    if (known.name == name) return known.media;
  return std::nullopt;
}

}  // namespace weir
