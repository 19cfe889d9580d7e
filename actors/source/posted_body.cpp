#include "actors/source/posted_body.hpp"

#include <fmt/ranges.h>

#include <algorithm>

namespace weir {

namespace {

bool is_json(std::string_view format) { return format == "json" || format == "ndjson"; }

// The format of the records: the stream's own where the media says the same, else another by its name.
std::string_view format_of(body_media media, const format_spec& stream_format) {
  switch (media) {
    case body_media::json:
    case body_media::ndjson: return is_json(stream_format.name) ? std::string_view(stream_format.name) : "json";
    case body_media::csv: return "csv";
    case body_media::text:
    case body_media::bytes: break;
  }
  return stream_format.name;
}

bool takes(const format_spec& stream_format, body_media media) {
  const bool raw = stream_format.name == "raw";
  if (media == body_media::text) return raw || stream_format.name == "isd";
  return raw == (media == body_media::bytes);
}

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

void add_whole(std::string_view record, std::size_t max_record_bytes, source_chunk& chunk) {
  if (record.size() <= max_record_bytes)
    chunk.records.append(record);
  else
    chunk.failures.push_back({fmt::format("the record is longer than max_record ({} bytes)", max_record_bytes),
                              std::string(record.substr(0, max_record_bytes))});
}

status add_lines(std::string_view body, const format_spec& format, std::size_t max_record_bytes, source_chunk& chunk) {
  WEIR_TRY(lines, make_framer(format, max_record_bytes, {}));
  lines->feed(body, chunk.records, chunk.failures);
  lines->finish(chunk.records, chunk.failures);
  chunk.context = lines->context();
  if (!lines->context_ready())
    return with_hint(fail(errc::invalid_argument, "the body's CSV has no header line that can be read"),
                     "the first line names the columns");
  return {};
}

}  // namespace

status check_media(body_media media, const format_spec& stream_format) {
  if (takes(stream_format, media)) return {};
  std::vector<std::string_view> names;
  for (const auto& known : body_media_names)
    if (takes(stream_format, known.media)) names.push_back(known.name);
  return with_hint(
      fail(errc::unsupported, "a stream of format {} takes no body of this Content-Type", stream_format.name),
      fmt::format("send {}", fmt::join(names, ", ")));
}

result<source_chunk> chunk_of_body(body_media media, std::string_view body, const format_spec& stream_format,
                                   std::size_t max_record_bytes) {
  WEIR_TRY_VOID(check_media(media, stream_format));
  source_chunk chunk;
  const auto format = format_of(media, stream_format);
  if (format != stream_format.name) chunk.format = format;
  const bool whole = media == body_media::json || media == body_media::bytes;
  const auto record = media == body_media::json ? without_blanks(body) : body;
  if (media == body_media::json && record.starts_with('['))
    return with_hint(fail(errc::invalid_argument, "the body is a JSON array; a record is an object"),
                     "send several records as 'Content-Type: application/x-ndjson', one per line");
  if (whole && !record.empty()) add_whole(record, max_record_bytes, chunk);
  const format_spec spec = chunk.format.empty() ? stream_format : format_spec{chunk.format, {}};
  if (!whole) WEIR_TRY_VOID(add_lines(body, spec, max_record_bytes, chunk));
  if (chunk.records.size() == 0 && chunk.failures.empty())
    return with_hint(fail(errc::invalid_argument, "the body holds no record"),
                     "a JSON object, or several with 'Content-Type: application/x-ndjson', one per line");
  return chunk;
}

}  // namespace weir
