// Positions that clients keep for us: bytes as URL-safe base64 without padding (RFC 4648 §5), and a mark that says what
// kind of position it is. Whoever reads one checks everything: clients may send anything.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace weir {

std::string to_token(char kind, std::string_view bytes);
// none: no token, or one of another kind.
std::optional<std::string> from_token(char kind, std::string_view token);

// RFC 4648 §4, with padding: any bytes inside a JSON text.
std::string to_base64(std::string_view bytes);

}  // namespace weir
