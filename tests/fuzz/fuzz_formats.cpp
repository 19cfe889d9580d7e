// Bytes of instruments: records of every format, framing, gzip.
#include <nlohmann/json.hpp>

#include "runtime/format/framer.hpp"
#include "runtime/format/json_scanner.hpp"
#include "runtime/format/text_value.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/rows.hpp"

namespace weir::fuzz {

namespace {

constexpr std::size_t max_record = 4'096;
constexpr const char* timestamp_options[] = {"iso", "s", "ms", "us"};

struct framed {
  raw_records records;
  std::vector<frame_failure> failures;
  std::string context;
};

framed frame_all(const format_spec& spec, std::string_view bytes) {
  framed out;
  auto framing = make_framer(spec, max_record, {});
  require(framing.has_value(), "the framer refuses its format");
  (*framing)->feed(bytes, out.records, out.failures);
  (*framing)->finish(out.records, out.failures);
  out.context = (*framing)->context();
  return out;
}

// What a strict parser that is not ours says; none where it gives up for another reason than the text.
std::optional<bool> accepted_elsewhere(std::string_view text) {
  try {
    return !nlohmann::json::parse(text).is_discarded();
  } catch (const nlohmann::json::parse_error&) {
    return false;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;  // a number out of range
  }
}

void compare_with_another_parser(std::string_view record) {
  const bool ours = check_json(record).has_value();
  const auto theirs = accepted_elsewhere(record);
  // check_json() refuses what is nested deeper than max_json_depth.
  const auto opened = std::count_if(record.begin(), record.end(), [](char c) { return c == '[' || c == '{'; });
  if (!theirs || opened > max_json_depth) return;
  // A byte order mark is no JSON (RFC 8259 8.1 lets parsers skip it).
  if (record.starts_with("\xef\xbb\xbf")) return;
  if (record.find('\0') != record.npos) return;  // the other takes a zero byte for the text's end
  require(ours == *theirs, "JSON is {} here and {} elsewhere: {}", ours ? "right" : "wrong",
          *theirs ? "right" : "wrong", quoted_excerpt(record));
}

struct failure_text {
  std::string reason, bytes;
  bool operator==(const failure_text&) const = default;
};

struct frames {
  std::vector<std::string> records;
  std::vector<failure_text> failures;
  bool operator==(const frames&) const = default;
};

// Format raw takes a record as it is: as bytes any, as text what is text.
void check_raw(const raw_records& records) {
  for (const auto type : {data_type::bytea, data_type::text}) {
    const auto columns = std::make_shared<const schema>(schema{{{"record", type, true}}});
    auto decoder = make_record_decoder({"raw", {}}, columns, {}, true);
    require(decoder.has_value(), "the decoder refuses its schema");
    raw_records accepted;
    const auto rows = decode_checked(**decoder, columns, records, &accepted);
    require(type == data_type::text || rows.rows == records.size(), "bytes are refused");
    for (std::size_t row = 0; row < rows.rows; ++row)
      require(rows.columns[0]->text(row) == accepted[row], "a raw record became another");
  }
}

void take(frames& out, raw_records& records, std::vector<frame_failure>& failures) {
  for (std::size_t i = 0; i < records.size(); ++i) out.records.emplace_back(records[i]);
  for (auto& f : failures) out.failures.push_back({std::move(f.reason), std::move(f.bytes)});
  records.clear();
  failures.clear();
}

}  // namespace

// One line of options (how numbers are read as times, which view the rows go to), then NDJSON.
void run_json(std::string_view bytes) {
  input in(bytes);
  input options(in.line());
  const format_spec spec{"ndjson", {{"timestamps", timestamp_options[options.choice(4)]}}};
  const auto view = options.choice(view_count());
  const auto found = frame_all(spec, in.rest());
  for (std::size_t i = 0; i < found.records.size(); ++i) compare_with_another_parser(found.records[i]);
  auto decoder = make_record_decoder(spec, every_type(), {}, true);
  auto replaying = make_record_decoder(spec, every_type(), {}, false);
  require(decoder && replaying, "the decoder refuses its schema");
  raw_records accepted;
  const auto rows = decode_checked(**decoder, every_type(), found.records, &accepted);
  check_same(rows, decode_checked(**replaying, every_type(), accepted), "the log");
  check_round_trips(rows);
  evaluate(stamped(rows), view);
}

// One line of options (delimiter, times, view), then a CSV file.
void run_csv(std::string_view bytes) {
  input in(bytes);
  input options(in.line());
  const char delimiter = options.empty() ? ',' : static_cast<char>(options.byte());
  format_spec spec{"csv", {{"delimiter", std::string(1, delimiter)}}};
  spec.options["timestamps"] = timestamp_options[options.choice(4)];
  const auto view = options.choice(view_count());
  if (!check_format(spec, *every_type())) return;
  const auto found = frame_all(spec, in.rest());
  auto decoder = make_record_decoder(spec, every_type(), found.context, true);
  if (!decoder) return require(!decoder.error().message.empty(), "a header is refused without a word");
  const auto rows = decode_checked(**decoder, every_type(), found.records);
  check_round_trips(rows);
  evaluate(stamped(rows), view);
}

// Lines of ISD reports, into every column that ISD has for weather.
void run_isd(std::string_view bytes) {
  static const auto columns = std::make_shared<const schema>(schema{{{"station", data_type::text, true},
                                                                     {"date", data_type::timestamptz, true},
                                                                     {"source", data_type::text},
                                                                     {"latitude", data_type::double_precision},
                                                                     {"longitude", data_type::double_precision},
                                                                     {"elevation", data_type::double_precision},
                                                                     {"report_type", data_type::text},
                                                                     {"call_sign", data_type::text},
                                                                     {"wnd", data_type::text},
                                                                     {"tmp", data_type::text},
                                                                     {"dew", data_type::text},
                                                                     {"slp", data_type::text},
                                                                     {"aa1", data_type::text},
                                                                     {"rem", data_type::text}}});
  const auto found = frame_all({"isd", {}}, bytes);
  auto decoder = make_record_decoder({"isd", {}}, columns, {}, true);
  require(decoder.has_value(), "the decoder refuses its schema");
  check_round_trips(decode_checked(**decoder, columns, found.records));
}

// Format, longest record and size of pieces in the first line, then the file. Pieces must not matter, nor where reading
// was broken off and went on.
void run_framing(std::string_view bytes) {
  input in(bytes);
  input options(in.line());
  constexpr const char* formats[] = {"ndjson", "csv", "isd", "raw"};
  const format_spec spec{formats[options.choice(4)], {}};
  const std::size_t longest = 1 + options.byte();
  const std::size_t step = 1 + options.byte() % 16;
  const auto file = in.rest();
  const auto make = [&](std::string_view context, bool at_start = true) {
    auto made = make_framer(spec, longest, context, at_start);
    require(made.has_value(), "the framer refuses its format");
    return std::move(*made);
  };
  raw_records records;
  std::vector<frame_failure> failures;
  frames whole, pieces;
  auto at_once = make({});
  at_once->feed(file, records, failures);
  at_once->finish(records, failures);
  if (spec.name == "raw") check_raw(records);
  take(whole, records, failures);
  require(at_once->consumed() <= file.size(), "more was consumed than there is");
  auto stepwise = make({});
  std::size_t break_at = 0;
  frames before;
  std::string context;
  for (std::size_t at = 0; at < file.size(); at += step) {
    stepwise->feed(file.substr(at, step), records, failures);
    take(pieces, records, failures);
    if (at > file.size() / 2 || stepwise->consumed() == 0 || !stepwise->context_ready()) continue;
    break_at = stepwise->consumed();
    before = pieces;
    context = stepwise->context();
  }
  stepwise->finish(records, failures);
  take(pieces, records, failures);
  require(whole == pieces, "records depend on the pieces in which they came");
  require(at_once->consumed() == stepwise->consumed(), "the position depends on the pieces");
  if (break_at == 0) return;
  auto resumed = make(context, false);
  resumed->feed(file.substr(break_at), records, failures);
  resumed->finish(records, failures);
  take(before, records, failures);
  require(before == whole, "a framer that goes on at byte {} reads something else", break_at);
}

// Sizes of the steps in the first line, then gzip. Steps must not matter.
void run_gzip(std::string_view bytes) {
  constexpr std::size_t most = 1 << 16;
  input in(bytes);
  input options(in.line());
  const std::size_t in_step = 1 + options.byte(), out_step = 1 + options.byte();
  const auto file = in.rest();
  gzip_inflater at_once, stepwise;
  std::string whole, pieces;
  auto rest = file;
  const auto done = at_once.inflate(rest, whole, most);
  require(whole.size() <= most, "more came out than was asked for");
  status step_done;
  for (std::size_t at = 0; step_done && at < file.size() && pieces.size() < most;) {
    auto piece = file.substr(at, in_step);
    at += piece.size();
    for (std::size_t before = pieces.size() + 1; step_done && pieces.size() < most;) {
      if (piece.empty() && pieces.size() == before) break;
      before = pieces.size();
      step_done = stepwise.inflate(piece, pieces, std::min(out_step, most - pieces.size()));
      require(pieces.size() - before <= out_step, "more came out than was asked for");
    }
  }
  if (whole.size() < most && pieces.size() < most) {
    require(done.has_value() == step_done.has_value(), "whether a gzip is broken depends on the steps");
    require(!done || at_once.at_member_end() == stepwise.at_member_end(), "the end depends on the steps");
  }
  const auto common = std::min(whole.size(), pieces.size());
  require(whole.compare(0, common, pieces, 0, common) == 0, "what comes out depends on the steps");
  require(!done || whole.size() == most || whole.size() == pieces.size(), "how much comes out depends on the steps");
}

}  // namespace weir::fuzz
