// The body of a POST as the chunk that ingest takes: which format its records have, and where each ends.
#pragma once

#include <string_view>

#include "actors/source/connector.hpp"
#include "runtime/format/body_media.hpp"

namespace weir {

// errc::unsupported: a stream of this format cannot take this media; the hint says which it can.
status check_media(body_media media, const format_spec& stream_format);

// errc::invalid_argument: there is no record in it, or a JSON array where one record belongs. What is no record in
// itself (too long, an open quote) is a failure of the chunk: a dead letter, as from any source.
result<source_chunk> chunk_of_body(body_media media, std::string_view body, const format_spec& stream_format,
                                   std::size_t max_record_bytes);

}  // namespace weir
