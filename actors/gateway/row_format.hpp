// Lists of rows as JSON, CSV (RFC 4180) or NDJSON, and which of them a client wants.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/gateway/http_message.hpp"

namespace weir {

enum class row_media : std::uint8_t { json, csv, ndjson };

std::string_view media_type(row_media media);

// The media type of `offered` that an Accept header likes best (RFC 9110 12.5.1); nullopt: it refuses all of them.
// No header takes the first.
std::optional<std::size_t> choose_media(std::string_view accept, const std::vector<std::string_view>& offered);

// page: {"items":[{...}],"next":...}. CSV's header line names `columns`, then whatever else the items hold. CSV and
// NDJSON have no place for `next`: it goes into the header Weir-Next. `name` becomes the file's name of a download.
http_response row_response(row_media media, const nlohmann::json& page, const std::vector<std::string>& columns,
                           std::string_view name);

// The same from {"columns":[{"name"}],"rows":[[...]]}.
http_response table_response(row_media media, const nlohmann::json& table, std::string_view name);

}  // namespace weir
