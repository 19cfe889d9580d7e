#include "actors/gateway/record_body.hpp"

#include <algorithm>

#include "actors/gateway/problem.hpp"
#include "runtime/format/framer.hpp"

namespace weir {
namespace {

http_response too_large(std::string_view what, std::uint64_t limit, std::string_view key) {
  return problem(413, {errc::limit_exceeded, fmt::format("the body has more than {} {}", limit, what),
                       fmt::format("send it in parts, or raise {} in the [gateway] section of config.toml", key)});
}

http_response inflated_too_large(const gateway_options& options) {
  return too_large("bytes when inflated", options.max_inflated_bytes, "max_inflated_bytes");
}

// Never holds more than the limit, whatever the body says of itself.
std::optional<http_response> inflate(std::string_view body, const gateway_options& options, std::string& out) {
  gzip_inflater gzip;
  const auto cut = problem(error{errc::parse_error, "the body is no complete gzip", "send it as one whole gzip file"});
  if (body.empty()) return cut;
  if (auto done = gzip.inflate(body, out, options.max_inflated_bytes); !done)
    return problem(error{errc::parse_error, "the body: " + done.error().message, ""});
  if (out.size() == options.max_inflated_bytes && (!body.empty() || !gzip.at_member_end())) {
    std::string more;
    if (auto done = gzip.inflate(body, more, 1); !done)
      return problem(error{errc::parse_error, "the body: " + done.error().message, ""});
    if (!more.empty()) return inflated_too_large(options);
  }
  return gzip.at_member_end() ? std::nullopt : std::optional(cut);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return text;
}

}  // namespace

std::string media_essence(std::string_view content_type) {
  std::string out(content_type.substr(0, content_type.find(';')));
  while (!out.empty() && out.back() == ' ') out.pop_back();
  return lower(std::move(out));
}

std::optional<http_response> read_record_body(http_request& request, const gateway_options& options, record_body& out) {
  const auto media = find_body_media(media_essence(request.content_type));
  if (!media) {
    std::string known;
    for (const auto& one : body_media_names) known += (known.empty() ? "" : ", ") + std::string(one.name);
    return problem(415, {errc::invalid_argument, fmt::format("the body is '{}'", request.content_type),
                         "say what it is with Content-Type: " + known});
  }
  out.media = *media;
  const auto encoding = lower(request.content_encoding);
  if (encoding == "gzip" || encoding == "x-gzip") {
    if (auto refusal = inflate(request.body, options, out.bytes)) return refusal;
    request.body.clear();
  } else if (encoding.empty() || encoding == "identity") {
    out.bytes = std::move(request.body);
  } else {
    return problem(415, {errc::invalid_argument, fmt::format("the body is encoded as '{}'", request.content_encoding),
                         "send it plain, or with Content-Encoding: gzip"});
  }
  const auto lines = static_cast<std::size_t>(std::count(out.bytes.begin(), out.bytes.end(), '\n'));
  const bool has_lines = out.media != body_media::json && out.media != body_media::bytes;
  if (has_lines && lines > options.max_request_lines)
    return too_large("lines", options.max_request_lines, "max_request_lines");
  return std::nullopt;
}

}  // namespace weir
