#include "actors/source/file_connector.hpp"

#include "actors/source/option_reader.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

constexpr int max_steps = 64;  // files that one pull may begin or finish without finding a record
constexpr std::chrono::microseconds going_on{1'000};  // after a pull that passed over content without a record
constexpr std::int64_t max_settle_us = us_per_day;
constexpr std::uint64_t max_reorder = 4096;

bool is_empty(const source_chunk& chunk) { return chunk.records.size() == 0 && chunk.failures.empty(); }

bool is_pattern(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

// A pattern may stand in the last part of the path only.
status split_pattern(const source_spec& spec, file_options& options) {
  std::string path = spec.options.at("path");
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const auto slash = path.rfind('/');
  if (slash != std::string::npos && is_pattern(std::string_view(path).substr(slash + 1))) {
    options.pattern = path.substr(slash + 1);
    path = path.substr(0, std::max<std::size_t>(slash, 1));
  }
  if (is_pattern(path)) {
    return fail(errc::invalid_argument, "source {}: path {} has a pattern before its last part", spec.name,
                escape_name(path));
  }
  options.path = std::move(path);
  return {};
}

result<file_options> read_options(const source_spec& spec, const connector_context& context) {
  const option_reader reader(spec, file_connector_kind());
  WEIR_TRY_VOID(reader.check_names());
  file_options options;
  WEIR_TRY_VOID(split_pattern(spec, options));
  WEIR_TRY(follow, reader.boolean("follow"));
  WEIR_TRY(watch, reader.boolean("watch"));
  WEIR_TRY(settle, reader.interval("settle", 0, max_settle_us));
  WEIR_TRY(reorder, reader.whole("reorder", 1, max_reorder));
  options.follow = follow;
  options.watch = watch;
  options.settle_us = settle;
  options.reorder = reorder;
  options.max_record_bytes = context.max_record_bytes;
  options.poll_interval_us = context.file_poll_interval_us;
  options.format = context.stream_format;
  if (reader.given("format")) {
    WEIR_TRY(name, reader.choice("format", {"csv", "ndjson", "json", "isd", "raw"}));
    if (name != options.format.name) options.format = {std::move(name), {}};
  }
  return options;
}

}  // namespace

const connector_kind& file_connector_kind() {
  static const connector_kind kind{
      "file",
      "Reads records from a file, or from the files of a folder in name order; gzip is recognised by its content.",
      "exactly once",
      {
          {"path",
           "a file, a folder, or a folder and a pattern of names (/data/noaa/*.csv); absolute, and below a "
           "folder of sources.file.allow",
           true, ""},
          {"format", "csv, ndjson, json, isd or raw; default: the stream's", false, ""},
          {"follow",
           "true: the file grows, wait for more; renaming it away and creating a new one (log rotation) is "
           "followed",
           false, "false"},
          {"watch", "true: the folder gets new files, wait for more", false, "false"},
          {"settle",
           "how long a file must stay unchanged before it counts as complete, where others still write "
           "(watch, or rotated while followed)",
           false, "1 s"},
          {"reorder",
           "how many finished files of a folder are remembered by name: a new file may sort before that "
           "many of them and is still read",
           false, "64"},
      }};
  return kind;
}

result<std::unique_ptr<connector>> make_file_connector(const source_spec& spec, const connector_context& context) {
  WEIR_TRY(options, read_options(spec, context));
  WEIR_TRY_VOID(file_access(context.allowed_folders).check(options.path));
  WEIR_TRY(framing, make_framer(options.format, options.max_record_bytes, {}));
  const std::string chunk_format = options.format.name == context.stream_format.name ? "" : options.format.name;
  return std::make_unique<file_connector>(std::move(options), chunk_format, context.allowed_folders, context.now_us);
}

status file_connector::open(std::string_view position) {
  WEIR_TRY(from, decode_position(position));
  WEIR_TRY(files, make_file_sequence(options_, access_, from));
  reader_.reset();
  files_ = std::move(files);
  return {};
}

// The file in hand is complete.
status file_connector::conclude(source_chunk& chunk) {
  WEIR_TRY_VOID(reader_->finish(chunk));
  WEIR_TRY(progress, reader_->progress());
  progress.path = reader_->path();
  chunk.context = reader_->context();
  files_->finished(progress);
  reader_.reset();
  return {};
}

result<file_connector::step> file_connector::advance(const pull_limits& limits, source_chunk& chunk) {
  const std::int64_t now = now_us_();
  if (!reader_) {
    WEIR_TRY(opened, files_->next(now));
    if (!opened) return step::done;
    reader_ = std::move(opened);
  }
  WEIR_TRY(reached, reader_->read(limits, chunk));
  if (reached == record_reader::reached::limit) {
    chunk.least_pause = chunk.longest_pause = going_on;
    return step::done;
  }
  WEIR_TRY(verdict, files_->at_end(*reader_, now));
  if (verdict == file_sequence::verdict::wait) return step::done;
  if (verdict == file_sequence::verdict::finish) WEIR_TRY_VOID(conclude(chunk));
  return is_empty(chunk) ? step::go_on : step::done;
}

result<source_chunk> file_connector::pull(const pull_limits& limits) {
  if (!files_) return fail(errc::internal, "a file source was pulled before it was opened");
  source_chunk chunk;
  chunk.format = chunk_format_;
  chunk.longest_pause = std::chrono::microseconds(options_.poll_interval_us);
  for (int i = 0; i < max_steps; ++i) {
    const auto next = advance(limits, chunk);
    // What was read before an error goes out first; the error comes again with the next pull.
    if (!next && is_empty(chunk)) return fail(next.error());
    if (!next || *next == step::done) break;
  }
  std::optional<file_progress> in_hand;
  if (reader_) {
    WEIR_TRY(progress, reader_->progress());
    progress.path = reader_->path();
    in_hand = std::move(progress);
    chunk.context = reader_->context();
  } else {
    chunk.ended = files_->exhausted().value_or(false);
  }
  chunk.position = encode_position(files_->position(std::move(in_hand)));
  chunk.progress = files_->progress(reader_.get());
  return chunk;
}

}  // namespace weir
