// Errors are values: every function that can fail for a reason outside the program returns result<T>.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace weir {

enum class errc : std::uint8_t {
  invalid_argument,     // the caller's input is wrong; the message names what, where and what to write instead
  parse_error,          // text or bytes that do not follow their format
  unsupported,          // a word of DESIGN §7 that is not built; never a wrong answer
  not_found,            //
  already_exists,       //
  conflict,             // the same key with another body, or a name in use
  limit_exceeded,       // a limit of config.toml was reached
  permission_denied,    // outside an allow-list, or not authenticated
  io_error,             // the operating system said no
  no_space,             // the disk is full or below its reserve
  corrupt,              // stored bytes that cannot be what was written
  fenced,               // another owner opened this writer id
  unknown_outcome,      // a commit that may or may not stand; resolved by opening the writer again (PROTOCOL 8)
  rejected,             // the log refused the transaction as a whole; nothing of it stands
  offset_out_of_range,  // a position that the log no longer (or not yet) holds
  timeout,              //
  unavailable,          // may work later
  cancelled,            //
  thrown,               // code threw an exception; what it worked on may be poison
  internal,             // a defect of ours
};

std::string_view to_string(errc code);

struct error {
  errc code = errc::internal;
  std::string message;  // what and where
  std::string hint;     // what to do next; may be empty

  std::string text() const { return hint.empty() ? message : message + "; " + hint; }
};

template <class T>
using result = tl::expected<T, error>;
using status = result<void>;

template <class... Args>
tl::unexpected<error> fail(errc code, fmt::format_string<Args...> message, Args&&... args) {
  return tl::unexpected<error>(error{code, fmt::format(message, std::forward<Args>(args)...), {}});
}

inline tl::unexpected<error> fail(error e) { return tl::unexpected<error>(std::move(e)); }

// Adds what to do next to an error.
inline tl::unexpected<error> with_hint(tl::unexpected<error> e, std::string hint) {
  e.value().hint = std::move(hint);
  return e;
}

#define WEIR_CONCAT_(a, b) a##b
#define WEIR_CONCAT(a, b) WEIR_CONCAT_(a, b)
// TRY(name, expression): hands an error on, else declares `name` with the value. TRY_VOID(expression) for status.
#define WEIR_TRY_IMPL(tmp, name, expr)                   \
  auto tmp = (expr);                                     \
  if (!tmp) return ::weir::fail(std::move(tmp).error()); \
  auto name = std::move(*tmp)
#define WEIR_TRY(name, expr) WEIR_TRY_IMPL(WEIR_CONCAT(try_, __LINE__), name, expr)
#define WEIR_TRY_VOID(expr) \
  if (auto try_status = (expr); !try_status) return ::weir::fail(std::move(try_status).error())

}  // namespace weir
