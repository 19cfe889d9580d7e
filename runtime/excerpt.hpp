// Bytes from outside in messages of errors.
#pragma once

#include <string>
#include <string_view>

namespace weir {

// Any bytes as a short, printable ASCII text: quoted, escaped, cut after 40 bytes.
std::string quoted_excerpt(std::string_view bytes);

}  // namespace weir
