#include "actors/gateway/access.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>

namespace weir {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

// "name:8420" is "name", "[::1]:8420" is "[::1]".
std::string_view without_port(std::string_view host) {
  const auto colon = host.rfind(':');
  const bool in_brackets = !host.empty() && host.front() == '[';
  if (colon == std::string_view::npos) return host;
  if (in_brackets && host.find(']') > colon) return host;
  return host.substr(0, colon);
}

// An address names no site, so DNS cannot make one of it.
bool is_address(std::string_view name) {
  if (!name.empty() && name.front() == '[') return name.back() == ']';
  return !name.empty() && name.find_first_not_of("0123456789.") == std::string_view::npos;
}

std::string base64_url(const unsigned char* bytes, std::size_t count) {
  static constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out;
  unsigned value = 0;
  int bits = 0;
  for (std::size_t i = 0; i < count; ++i) {
    value = (value << 8U) | bytes[i];
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out += digits[(value >> static_cast<unsigned>(bits)) & 63U];
    }
  }
  if (bits > 0) out += digits[(value << static_cast<unsigned>(6 - bits)) & 63U];
  return out;
}

// The value of one cookie in a Cookie header; empty when absent.
std::string_view cookie_value(std::string_view cookies, std::string_view name) {
  while (!cookies.empty()) {
    const auto end = cookies.find(';');
    auto part = cookies.substr(0, end);
    cookies = end == std::string_view::npos ? std::string_view{} : cookies.substr(end + 1);
    while (part.starts_with(' ')) part.remove_prefix(1);
    if (part.size() > name.size() && part.starts_with(name) && part[name.size()] == '=') {
      return part.substr(name.size() + 1);
    }
  }
  return {};
}

result<std::string> read_token(const std::string& path) {
  std::ifstream file(path);
  std::string token;
  if (!file || !std::getline(file, token) || token.empty()) {
    return with_hint(fail(errc::io_error, "the token file '{}' cannot be read or its first line is empty", path),
                     "remove it, and a new one is made");
  }
  return token;
}

}  // namespace

result<std::string> random_token() {
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    return fail(errc::internal, "the system gave no random bytes");
  }
  return base64_url(bytes.data(), bytes.size());
}

result<std::string> token_from_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0 && errno == EEXIST) return read_token(path);
  if (file < 0) return fail(errc::io_error, "the token file '{}' cannot be made: {}", path, std::strerror(errno));
  auto token = random_token();
  bool written = false;
  if (token) {
    const std::string line = *token + "\n";
    written = ::write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size()) && ::fsync(file) == 0;
  }
  ::close(file);
  if (token && written) return token;
  ::unlink(path.c_str());
  if (!token) return token;
  return fail(errc::io_error, "the token file '{}' cannot be written", path);
}

bool same_secret(std::string_view a, std::string_view b) {
  // Hashes have one length, so the comparison tells not even the secret's length.
  std::array<unsigned char, SHA256_DIGEST_LENGTH> left{}, right{};
  SHA256(reinterpret_cast<const unsigned char*>(a.data()), a.size(), left.data());
  SHA256(reinterpret_cast<const unsigned char*>(b.data()), b.size(), right.data());
  return CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

result<std::string> secret_set::make(clock::time_point now) {
  WEIR_TRY(secret, random_token());
  const std::lock_guard lock(mutex_);
  while (!members_.empty() && (members_.size() >= max_size_ || members_.front().second <= now)) members_.pop_front();
  members_.emplace_back(secret, now + lifetime_);
  return secret;
}

bool secret_set::find(std::string_view secret, clock::time_point now, bool remove) {
  const std::lock_guard lock(mutex_);
  for (auto member = members_.begin(); member != members_.end(); ++member) {
    if (member->second <= now || member->first.size() != secret.size() ||
        CRYPTO_memcmp(member->first.data(), secret.data(), secret.size()) != 0) {
      continue;
    }
    if (remove) members_.erase(member);
    return true;
  }
  return false;
}

bool secret_set::contains(std::string_view secret, clock::time_point now) { return find(secret, now, false); }
bool secret_set::take(std::string_view secret, clock::time_point now) { return find(secret, now, true); }

access_control::access_control(const gateway_options& options, std::uint16_t port)
    : token_(options.token),
      host_(lower(options.host)),
      cookie_name_(fmt::format("weir_session_{}", port)),
      allowed_origins_(options.allowed_origins),
      session_lifetime_(options.session_lifetime),
      tickets_(options.max_tickets, options.ticket_lifetime) {
  for (const auto& host : options.allowed_hosts) allowed_hosts_.push_back(lower(host));
}

bool access_control::host_known(std::string_view host) const {
  const std::string full = lower(host);
  const std::string_view name = without_port(full);
  if (name == "localhost" || name == "127.0.0.1" || name == "[::1]" || name == host_) return true;
  const bool everywhere = host_ == "0.0.0.0" || host_ == "::";
  if (everywhere ? is_address(name) : name == "[" + host_ + "]") return true;
  return std::any_of(allowed_hosts_.begin(), allowed_hosts_.end(),
                     [&](const std::string& allowed) { return allowed == full || allowed == name; });
}

bool access_control::origin_allowed(const http_request& request) const {
  return !request.origin.empty() &&
         std::find(allowed_origins_.begin(), allowed_origins_.end(), request.origin) != allowed_origins_.end();
}

status access_control::check_address(const http_request& request) const {
  if (request.host.empty()) return fail(errc::invalid_argument, "the request has no Host header");
  if (!host_known(request.host)) {
    return with_hint(fail(errc::permission_denied, "'{}' is no name of this node", request.host),
                     "add it to allowed_hosts in the [gateway] section of config.toml");
  }
  if (request.origin.empty() || origin_allowed(request)) return {};
  if (lower(request.origin) == "http://" + lower(request.host)) return {};
  return with_hint(fail(errc::permission_denied, "web pages of '{}' may not call this node", request.origin),
                   "add it to allowed_origins in the [gateway] section of config.toml");
}

credential access_control::authenticate(const http_request& request, const query_parameters& query, bool ticket_counts,
                                        clock::time_point now) {
  constexpr std::string_view scheme = "bearer ";
  const std::string_view shown = request.authorization;
  if (shown.size() > scheme.size() && lower(shown.substr(0, scheme.size())) == scheme) {
    return token_matches(shown.substr(scheme.size())) ? credential::bearer : credential::none;
  }
  if (ticket_counts) {
    for (const auto& [name, value] : query) {
      if (name == "ticket") return tickets_.take(value, now) ? credential::ticket : credential::none;
    }
  }
  const auto session = cookie_value(request.cookie, cookie_name_);
  return session_valid(session, now) ? credential::session : credential::none;
}

status access_control::check_cookie_use(const http_request& request) const {
  const std::string& site = request.sec_fetch_site;
  const bool foreign = site == "cross-site" || site == "same-site";
  const bool needs_origin = request.method != "GET" || request.upgrade;
  if (!foreign && !(needs_origin && request.origin.empty()) && !origin_allowed(request)) return {};
  return with_hint(fail(errc::permission_denied, "a session is good only for this node's own page"),
                   "send the token as 'Authorization: Bearer ...'");
}

std::string access_control::signature(std::string_view expiry) const {
  const std::string text = fmt::format("weir session until {}", expiry);
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned size = 0;
  HMAC(EVP_sha256(), token_.data(), static_cast<int>(token_.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), bytes.data(), &size);
  return base64_url(bytes.data(), size);
}

bool access_control::session_valid(std::string_view cookie, clock::time_point now) const {
  const auto dot = cookie.find('.');
  if (dot == std::string_view::npos) return false;
  const auto expiry = cookie.substr(0, dot);
  std::int64_t seconds = 0;
  const auto [end, bad] = std::from_chars(expiry.data(), expiry.data() + expiry.size(), seconds);
  if (bad != std::errc() || end != expiry.data() + expiry.size()) return false;
  return same_secret(cookie.substr(dot + 1), signature(expiry)) && seconds > clock::to_time_t(now);
}

std::string access_control::make_session_cookie(clock::time_point now) const {
  const auto lifetime = std::chrono::duration_cast<std::chrono::seconds>(session_lifetime_).count();
  const std::string expiry = fmt::format("{}", clock::to_time_t(now) + lifetime);
  return fmt::format("{}={}.{}; Path=/; Max-Age={}; HttpOnly; SameSite=Strict", cookie_name_, expiry, signature(expiry),
                     lifetime);
}

}  // namespace weir
