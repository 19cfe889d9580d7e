// Keys as bytes that sort like their values (memcmp order = value order, nulls last), so tables can be read by range.
//
// Per column: 0x01 and the value, or 0x02 for null. bigint, timestamptz, interval, boolean: big-endian with the sign
// bit turned; double precision: IEEE bits made monotonic, -0.0 stored as 0.0, every NaN alike and above all numbers;
// text, json, bytea: bytes with 0x00 as 0x00 0xff, ended by 0x00 0x00.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "runtime/batch/column.hpp"
#include "runtime/result.hpp"

namespace weir {

void append_key(std::string& out, const column& values, std::size_t row);
// The key of a row over some of its columns.
std::string encode_key(const record_batch& rows, std::span<const std::size_t> columns, std::size_t row);
// Reads one value of the given type from the front of `key` into `out`, advancing it. errc::corrupt when it can't be
// one.
status decode_key(std::string_view& key, column& out);
// The same without the value: whether a key can be one.
status skip_key(std::string_view& key, data_type type);

// The same on every machine and in every version (it decides where a group lives): FNV-1a 64 with a final mix.
std::uint64_t stable_hash(std::string_view bytes);

}  // namespace weir
