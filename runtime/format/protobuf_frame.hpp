// Confluent's framing of Protobuf: a zero byte, the schema's number in four bytes, which of its messages it is, the
// message. The path to a message is a count and the place of each message in the one around it, as zigzag numbers; a
// single zero stands for the first message of the file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "runtime/result.hpp"

namespace weir {

void append_protobuf_frame(std::string& out, std::uint32_t schema_id, const std::vector<int>& path);
// Takes it off; parse_error where there is none, or it is of another message than the one at `path`.
status remove_protobuf_frame(std::string_view& record, const std::vector<int>& path);

}  // namespace weir
