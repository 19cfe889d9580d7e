// Bytes and times as the API shows them.
#pragma once

#include <nlohmann/json.hpp>

#include "actors/opaque_token.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/operators/stamped_batch.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

// ISO 8601; null when there is none or it lies outside the years that text can say.
inline nlohmann::json time_json(std::int64_t us) {
  if (us < timestamp_min_us || us > timestamp_max_us) return nullptr;
  return format_timestamp(us);
}

// "record" when the bytes are text, else "record_base64".
inline void add_record(nlohmann::json& to, std::string_view bytes) {
  if (is_valid_utf8(bytes))
    to["record"] = bytes;
  else
    to["record_base64"] = to_base64(bytes);
}

}  // namespace weir
