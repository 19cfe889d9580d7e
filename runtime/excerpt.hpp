// Bytes from outside in messages of errors.
#pragma once

#include <string>
#include <string_view>

namespace weir {

// Any bytes as a short, printable ASCII text: quoted, escaped, cut after 40 bytes.
std::string quoted_excerpt(std::string_view bytes);
// A UTF-8 text, or what of its characters begins it in at most so many bytes, and "...".
std::string first_bytes(std::string_view text, std::size_t most);

}  // namespace weir
