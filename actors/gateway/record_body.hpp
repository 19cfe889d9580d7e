// The body of a request that brings records: its media, inflated where it came as gzip, within the gateway's limits.
#pragma once

#include <optional>
#include <string>

#include "actors/gateway/gateway_options.hpp"
#include "actors/gateway/http_message.hpp"
#include "runtime/format/body_media.hpp"

namespace weir {

struct record_body {
  body_media media = body_media::json;
  std::string bytes;
};

// Takes the body out of the request. Answers the refusal when it cannot be taken: 400, 413, 415.
std::optional<http_response> read_record_body(http_request& request, const gateway_options& options, record_body& out);

// A media type without its parameters, in lower case.
std::string media_essence(std::string_view content_type);

}  // namespace weir
