#include "runtime/result.hpp"

namespace weir {

std::string_view to_string(errc code) {
  switch (code) {
    case errc::invalid_argument: return "invalid_argument";
    case errc::parse_error: return "parse_error";
    case errc::unsupported: return "unsupported";
    case errc::not_found: return "not_found";
    case errc::already_exists: return "already_exists";
    case errc::conflict: return "conflict";
    case errc::limit_exceeded: return "limit_exceeded";
    case errc::permission_denied: return "permission_denied";
    case errc::io_error: return "io_error";
    case errc::no_space: return "no_space";
    case errc::corrupt: return "corrupt";
    case errc::fenced: return "fenced";
    case errc::unknown_outcome: return "unknown_outcome";
    case errc::rejected: return "rejected";
    case errc::offset_out_of_range: return "offset_out_of_range";
    case errc::timeout: return "timeout";
    case errc::unavailable: return "unavailable";
    case errc::cancelled: return "cancelled";
    case errc::thrown: return "thrown";
    case errc::internal: return "internal";
  }
  return "internal";
}

}  // namespace weir
