#include "runtime/format/framer.hpp"

#include <algorithm>
#include <utility>

#include "runtime/format/format_options.hpp"

namespace weir {
namespace {

constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

// Finds where lines end. Where a newline may stand inside a record (CSV), the scanner knows whether a quote is open.
class line_scanner {
 public:
  virtual ~line_scanner() = default;
  // How many of the bytes belong to the line that is being read: up to its newline (excluded; `ended` is set), else
  // all.
  virtual std::size_t scan(std::string_view bytes, bool& ended) = 0;
  // A new line begins.
  virtual void restart() = 0;
  virtual bool quote_open() const = 0;
};

class plain_lines final : public line_scanner {
 public:
  std::size_t scan(std::string_view bytes, bool& ended) override {
    const std::size_t newline = bytes.find('\n');
    ended = newline != std::string_view::npos;
    return ended ? newline : bytes.size();
  }
  void restart() override {}
  bool quote_open() const override { return false; }
};

// As split_csv_row(): a quote opens only as a cell's first byte; inside quotes, two stand for one.
class quoted_lines final : public line_scanner {
 public:
  explicit quoted_lines(char delimiter) : delimiter_(delimiter) {}

  std::size_t scan(std::string_view bytes, bool& ended) override {
    ended = false;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const char c = bytes[i];
      if (state_ == state::quoted) {
        i = std::min(bytes.find('"', i), bytes.size());
        if (i < bytes.size()) state_ = state::quote_in_quoted;
        continue;
      }
      if (c == '"' && state_ != state::unquoted) {
        state_ = state::quoted;  // opens a cell, or was the second of two
        continue;
      }
      if (c == '\n') {
        ended = true;
        return i;
      }
      state_ = c == delimiter_ ? state::cell_start : state::unquoted;
    }
    return bytes.size();
  }
  void restart() override { state_ = state::cell_start; }
  bool quote_open() const override { return state_ == state::quoted; }

 private:
  enum class state : std::uint8_t { cell_start, unquoted, quoted, quote_in_quoted };

  char delimiter_;
  state state_ = state::cell_start;
};

// A line of more than max_record bytes is a failure; it ends at the next newline even when a quote is open, or one
// stray quote would take the rest of the file with it.
class line_framer final : public framer {
 public:
  line_framer(std::unique_ptr<line_scanner> scanner, std::size_t max_record, bool header_expected, bool mark_possible,
              std::string_view context)
      : scanner_(std::move(scanner)),
        max_record_(max_record),
        header_expected_(header_expected),
        mark_possible_(mark_possible),
        context_(context) {}

  void feed(std::string_view bytes, raw_records& out, std::vector<frame_failure>& failures) override {
    if (mark_possible_ && !skip_mark(bytes)) return;
    while (!bytes.empty()) {
      if (too_long_) {
        const std::size_t newline = bytes.find('\n');
        if (newline == std::string_view::npos) {
          read_ += bytes.size();
          return;
        }
        read_ += newline;
        bytes.remove_prefix(newline + 1);
        end_line({}, 1, out, failures);
        continue;
      }
      // Two bytes more than a record may have (its \r and one too many) tell that it is too long, wherever pieces end.
      const std::size_t room = max_record_ + 2 - line_.size();
      bool ended = false;
      const std::size_t length = scanner_->scan(bytes.substr(0, room), ended);
      read_ += length;
      if (ended) {
        const std::string_view piece = bytes.substr(0, length);
        bytes.remove_prefix(length + 1);
        end_line(piece, 1, out, failures);
        continue;
      }
      line_.append(bytes.substr(0, length));
      bytes.remove_prefix(length);
      too_long_ = line_.size() == max_record_ + 2;
    }
  }

  void finish(raw_records& out, std::vector<frame_failure>& failures) override {
    if (mark_possible_) {
      mark_possible_ = false;
      const std::string begun = std::exchange(line_, {});
      feed(begun, out, failures);
    }
    if (line_.empty()) {
      consumed_ = read_;  // a file of nothing but a byte order mark
      return;
    }
    if (scanner_->quote_open() && !too_long_) {
      failures.push_back({"the input ends inside a quoted cell", line_.substr(0, max_record_)});
      line_.clear();
    }
    end_line({}, 0, out, failures);
  }

  std::uint64_t consumed() const override { return consumed_; }
  std::string_view context() const override { return context_; }
  bool context_ready() const override { return !header_expected_ || !context_.empty(); }

 private:
  // At the start of a file: collects as many bytes as may be a byte order mark. False while that is undecided.
  bool skip_mark(std::string_view& bytes) {
    while (!bytes.empty() && line_.size() < byte_order_mark.size() && bytes[0] == byte_order_mark[line_.size()]) {
      line_ += bytes[0];
      bytes.remove_prefix(1);
    }
    if (line_.size() == byte_order_mark.size()) {
      line_.clear();
      read_ += byte_order_mark.size();
      mark_possible_ = false;
      return true;
    }
    if (bytes.empty()) return false;
    mark_possible_ = false;
    joined_ = std::exchange(line_, {});
    joined_.append(bytes);
    bytes = joined_;
    return true;
  }

  // The line is what was kept of it before and `last_piece`; `newline` bytes end it.
  void end_line(std::string_view last_piece, std::size_t newline, raw_records& out,
                std::vector<frame_failure>& failures) {
    std::string_view line = last_piece;
    if (!line_.empty()) {
      line_.append(last_piece);
      line = line_;
    }
    if (newline != 0 && !too_long_ && line.ends_with('\r')) line.remove_suffix(1);
    if (too_long_ || line.size() > max_record_)
      refuse_long(line, failures);
    else if (!line.empty())
      hand_out(line, out, failures);
    line_.clear();
    too_long_ = false;
    scanner_->restart();
    read_ += newline;
    consumed_ = read_;
  }

  void refuse_long(std::string_view line, std::vector<frame_failure>& failures) {
    const bool is_header = !context_ready() && !header_lost_;
    header_lost_ = header_lost_ || is_header;
    failures.push_back({fmt::format("the {} is longer than max_record ({} bytes)",
                                    is_header ? "file's header line" : "record", max_record_),
                        std::string(line.substr(0, max_record_))});
  }

  void hand_out(std::string_view line, raw_records& out, std::vector<frame_failure>& failures) {
    if (context_ready())
      out.append(line);
    else if (header_lost_)
      failures.push_back({"the file's header line was not readable", std::string(line)});
    else
      context_ = line;
  }

  std::unique_ptr<line_scanner> scanner_;
  std::size_t max_record_;
  bool header_expected_;
  bool header_lost_ = false;  // it was too long: nothing that follows can be read
  bool mark_possible_;        // nothing but the beginning of a byte order mark has been read
  bool too_long_ = false;
  std::string context_;
  std::string line_;    // the unfinished line; no more of it than max_record + 2 bytes
  std::string joined_;  // bytes that looked like a byte order mark, and what came behind them
  std::uint64_t read_ = 0;
  std::uint64_t consumed_ = 0;
};

}  // namespace

result<std::unique_ptr<framer>> make_framer(const format_spec& spec, std::size_t max_record, std::string_view context,
                                            bool at_start) {
  WEIR_TRY(options, read_format_options(spec));
  if (max_record == 0 || max_record > std::size_t{1} << 30)
    return fail(errc::invalid_argument, "max_record is {} bytes; it must be from 1 to 1 GiB", max_record);
  if (options.kind == format_kind::avro || options.kind == format_kind::protobuf)
    return with_hint(fail(errc::unsupported, "records of format {} have no ends in a stream of bytes", spec.name),
                     "read them with a source of connector kafka");
  const bool csv = options.kind == format_kind::csv;
  std::unique_ptr<line_scanner> scanner = std::make_unique<plain_lines>();
  if (csv) scanner = std::make_unique<quoted_lines>(options.delimiter);
  const bool mark_possible = at_start && options.kind != format_kind::raw && context.empty();
  return std::make_unique<line_framer>(std::move(scanner), max_record, csv, mark_possible,
                                       csv ? context : std::string_view());
}

}  // namespace weir
