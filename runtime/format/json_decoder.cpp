#include <algorithm>
#include <array>
#include <limits>
#include <unordered_map>
#include <utility>

#include "runtime/format/decoders.hpp"
#include "runtime/format/json_scanner.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

constexpr std::size_t no_column = ~std::size_t{0};

constexpr std::array<double, json_scanner::max_short_digits + 1> powers_of_ten{
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};

// Records of one instrument have their fields in the same order. Remembers, per place, the name as it was written last
// time (quotes and colon included), so that the next record costs one comparison a field.
class key_order {
 public:
  explicit key_order(const schema& columns_schema) {
    for (std::size_t i = 0; i < columns_schema.fields.size(); ++i) columns_.emplace(columns_schema.fields[i].name, i);
  }

  // Reads a field's name and the colon; `column` becomes no_column for a name that the schema does not have.
  bool read(json_scanner& in, std::size_t place, std::size_t& column) {
    if (place < places_used_ && in.take(std::string_view(places_[place].text))) {
      column = places_[place].column;
      return true;
    }
    json_scanner::string_token key;
    if (in.peek() != '"') return in.expected("a field's name");
    if (!in.string(key)) return false;
    column = find(key);
    remember(place, key, column);
    in.skip_blanks();
    return in.take(':') || in.expected("':' behind a field's name");
  }

 private:
  static constexpr std::size_t max_places = 64;
  static constexpr std::size_t max_key = 128;

  struct known_place {
    std::string text;
    std::size_t column = no_column;
  };

  std::size_t find(const json_scanner::string_token& key) {
    std::string_view name = key.raw;
    if (key.escaped) {
      scratch_.clear();
      unescape_json(key.raw, scratch_);
      name = scratch_;
    }
    const auto found = columns_.find(name);
    return found == columns_.end() ? no_column : found->second;
  }

  void remember(std::size_t place, const json_scanner::string_token& key, std::size_t column) {
    if (place >= max_places || place > places_used_ || key.raw.size() > max_key) return;
    places_used_ = std::max(places_used_, place + 1);
    auto& p = places_[place];
    p.text.assign("\"").append(key.raw).append("\":");
    p.column = column;
  }

  std::unordered_map<std::string_view, std::size_t> columns_;  // views into the schema's names
  std::array<known_place, max_places> places_;
  std::size_t places_used_ = 0;
  std::string scratch_;
};

class json_decoder final : public record_decoder {
 public:
  json_decoder(const format_options& options, schema_ptr columns_schema, bool validate_all)
      : options_(options),
        schema_(std::move(columns_schema)),
        validate_all_(validate_all),
        keys_(*schema_),
        seen_in_(schema_->fields.size(), 0) {}

  void decode(const raw_records& records, std::size_t first, std::size_t count, batch_builder& out,
              std::vector<std::uint32_t>& decoded, std::vector<decode_failure>& failures) override {
    reserve_rows(out, count);
    const bool all_utf8 = !validate_all_ || batch_is_utf8(records, first, count);
    for (std::size_t i = first; i < first + count; ++i) {
      const std::string_view record = records[i];
      if (!all_utf8 && !is_valid_utf8(record)) {
        failures.push_back({static_cast<std::uint32_t>(i), "expected JSON in UTF-8, found " + quoted_excerpt(record)});
      } else if (json_scanner in(record); read_row(in, out)) {
        out.row_done();
        decoded.push_back(static_cast<std::uint32_t>(i));
      } else {
        out.row_failed();
        failures.push_back({static_cast<std::uint32_t>(i), failure_text(in)});
      }
    }
  }

 private:
  // One check for the whole batch: bytes that are valid together, each record beginning with no continuation byte, are
  // valid one by one.
  static bool batch_is_utf8(const raw_records& records, std::size_t first, std::size_t count) {
    if (count == 0) return true;
    for (std::size_t i = first; i < first + count; ++i) {
      const std::string_view record = records[i];
      if (!record.empty() && (static_cast<unsigned char>(record.front()) & 0xc0) == 0x80) return false;
    }
    const char* const begin = records[first].data();
    const std::string_view last = records[first + count - 1];
    return is_valid_utf8({begin, static_cast<std::size_t>(last.data() + last.size() - begin)});
  }

  std::string failure_text(const json_scanner& in) {
    const std::string reason = reason_.empty() ? in.problem() : std::exchange(reason_, {});
    return failed_column_ == no_column ? reason
                                       : fmt::format("field '{}': {}", schema_->fields[failed_column_].name, reason);
  }

  bool read_row(json_scanner& in, batch_builder& out) {
    ++row_;
    reason_.clear();
    failed_column_ = no_column;
    std::size_t missing = schema_->fields.size();
    in.skip_blanks();
    if (in.peek() != '{') return in.expected("a JSON object");
    in.take('{');
    in.skip_blanks();
    bool open = !in.take('}');
    for (std::size_t place = 0; open; ++place) {
      std::size_t column = no_column;
      if (!keys_.read(in, place, column)) return false;
      in.skip_blanks();
      if (column == no_column || seen_in_[column] == row_) {
        if (!(validate_all_ ? in.value(1) : in.pass_value())) return false;
      } else {
        failed_column_ = column;
        if (!read_value(in, out.at(column), schema_->fields[column])) return false;
        failed_column_ = no_column;
        seen_in_[column] = row_;
        if (--missing == 0 && !validate_all_) return true;
      }
      in.skip_blanks();
      if (in.take(',')) {
        in.skip_blanks();
        continue;
      }
      if (!in.take('}')) return in.expected("',' or '}' behind a field's value");
      open = false;
    }
    in.skip_blanks();
    if (validate_all_ && !in.at_end()) return in.expected("nothing behind the object");
    return missing == 0 || fill_missing(out);
  }

  bool fill_missing(batch_builder& out) {
    for (std::size_t i = 0; i < seen_in_.size(); ++i) {
      if (seen_in_[i] == row_) continue;
      if (schema_->fields[i].not_null) {
        failed_column_ = i;
        return refuse("is absent, but NOT NULL");
      }
      out.at(i).push_null();
    }
    return true;
  }

  bool refuse(std::string reason) {
    reason_ = std::move(reason);
    return false;
  }

  // Reads the value that stands here, whatever it is, to say what was found.
  bool refuse_value(json_scanner& in, std::string_view expected) {
    const char* const first = in.position();
    if (!in.value(1)) return false;
    return refuse(fmt::format("expected {}, found {}", expected,
                              quoted_excerpt({first, static_cast<std::size_t>(in.position() - first)})));
  }

  bool read_value(json_scanner& in, column& out, const field& f) {
    if (in.peek() == 'n') {
      if (!in.word("null")) return false;
      if (f.not_null) return refuse("is null, but NOT NULL");
      out.push_null();
      return true;
    }
    switch (f.type) {
      case data_type::boolean: return read_boolean(in, out);
      case data_type::bigint: return read_bigint(in, out);
      case data_type::double_precision: return read_double(in, out);
      case data_type::timestamptz: return read_timestamp(in, out);
      case data_type::json: return read_json(in, out);
      case data_type::text:
      case data_type::interval:
      case data_type::bytea: return read_text(in, out, f.type);
    }
    return false;
  }

  bool read_boolean(json_scanner& in, column& out) {
    const char c = in.peek();
    if (c != 't' && c != 'f') return refuse_value(in, "a boolean");
    if (!in.word(c == 't' ? "true" : "false")) return false;
    out.push_int(c == 't' ? 1 : 0);
    return true;
  }

  static bool number_follows(const json_scanner& in) {
    const char c = in.peek();
    return c == '-' || (c >= '0' && c <= '9');
  }

  bool read_bigint(json_scanner& in, column& out) {
    if (!number_follows(in)) return refuse_value(in, "an integer (bigint)");
    json_scanner::number_token token;
    if (!in.number(token)) return false;
    if (token.integer && token.short_decimal) {
      const auto digits = static_cast<std::int64_t>(token.digits);
      out.push_int(token.negative ? -digits : digits);
      return true;
    }
    return push_parsed(parse_bigint(token.raw), [&out](std::int64_t v) { out.push_int(v); });
  }

  bool read_double(json_scanner& in, column& out) {
    if (in.peek() == '"') return read_double_word(in, out);
    if (!number_follows(in)) return refuse_value(in, "a number (double precision)");
    json_scanner::number_token token;
    if (!in.number(token)) return false;
    if (token.short_decimal) {
      // Both numbers are exact, so their quotient is the double nearest to the text.
      const double value = static_cast<double>(token.digits) / powers_of_ten[static_cast<std::size_t>(token.places)];
      out.push_double(token.negative ? -value : value);
      return true;
    }
    return push_parsed(parse_double(token.raw), [&out](double v) { out.push_double(v); });
  }

  // What JSON has no number for, as weir writes it.
  bool read_double_word(json_scanner& in, column& out) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (in.take("\"NaN\""))
      out.push_double(std::numeric_limits<double>::quiet_NaN());
    else if (in.take("\"Infinity\""))
      out.push_double(infinity);
    else if (in.take("\"-Infinity\""))
      out.push_double(-infinity);
    else
      return refuse_value(in, "a number (double precision)");
    return true;
  }

  bool read_timestamp(json_scanner& in, column& out) {
    const auto push = [&out](std::int64_t v) { out.push_int(v); };
    if (in.peek() == '"') {
      std::string_view text;
      return read_string(in, text) && push_parsed(parse_timestamp(text), push);
    }
    if (!number_follows(in)) return refuse_value(in, "a timestamp");
    json_scanner::number_token token;
    if (!in.number(token)) return false;
    if (const auto whole = parse_bigint(token.raw); token.integer && whole)
      return push_parsed(timestamp_from_number(*whole, options_.timestamps), push);
    const auto number = parse_double(token.raw);
    if (!number) return refuse(number.error().text());
    return push_parsed(timestamp_from_number(*number, options_.timestamps), push);
  }

  bool read_json(json_scanner& in, column& out) {
    const char* const first = in.position();
    if (!in.value(1)) return false;
    out.push_text({first, static_cast<std::size_t>(in.position() - first)});
    return true;
  }

  bool read_text(json_scanner& in, column& out, data_type type) {
    if (in.peek() != '"')
      return refuse_value(in, type == data_type::text       ? "a text"
                              : type == data_type::interval ? "an interval as text"
                                                            : "bytes as text (\\x and hex digits)");
    std::string_view text;
    if (!read_string(in, text)) return false;
    if (type == data_type::interval)
      return push_parsed(parse_interval(text), [&out](std::int64_t v) { out.push_int(v); });
    if (type == data_type::bytea)
      return push_parsed(parse_bytea(text), [&out](const std::string& v) { out.push_text(v); });
    out.push_text(text);
    return true;
  }

  bool read_string(json_scanner& in, std::string_view& text) {
    json_scanner::string_token token;
    if (!in.string(token)) return false;
    text = token.raw;
    if (token.escaped) {
      scratch_.clear();
      unescape_json(token.raw, scratch_);
      text = scratch_;
    }
    return true;
  }

  template <class T, class Push>
  bool push_parsed(const result<T>& parsed, Push push) {
    if (!parsed) return refuse(parsed.error().text());
    push(*parsed);
    return true;
  }

  format_options options_;
  schema_ptr schema_;
  bool validate_all_;
  key_order keys_;
  std::vector<std::uint64_t> seen_in_;  // per column: the row in which it was last seen
  std::uint64_t row_ = 0;
  std::size_t failed_column_ = no_column;
  std::string reason_;  // of the last failure; empty when the scanner knows it
  std::string scratch_;
};

}  // namespace

decoder_ptr make_json_decoder(const format_options& options, schema_ptr columns_schema, bool validate_all) {
  return std::make_unique<json_decoder>(options, std::move(columns_schema), validate_all);
}

}  // namespace weir
