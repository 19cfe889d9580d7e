#include <algorithm>
#include <array>
#include <optional>

#include "runtime/format/decoders.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

// Positions are 0-based here; the format's description counts from 1.
constexpr std::size_t mandatory_length = 105;

using append_field = void (*)(std::string_view record, std::string& out);

// Joins neighbouring parts with commas, as the CSV does: "+0073" "1" becomes "+0073,1".
template <std::size_t... Ends>
void append_parts(std::string_view record, std::size_t first, std::string& out) {
  bool comma = false;
  for (const std::size_t end : {Ends...}) {
    if (comma) out += ',';
    comma = true;
    out.append(record.substr(first, end - first));
    first = end;
  }
}

// "+58950" with 3 decimals becomes "58.95", "+0072" with none "72.0"; nines throughout mean missing. What is no number
// is handed on as it is, for the converter to refuse.
void append_decimal(std::string_view digits, std::size_t decimals, std::string& out) {
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const std::string_view number = digits.substr(1);
  if (digits[0] == '+' && number.find_first_not_of('9') == std::string_view::npos) return;
  if ((digits[0] != '+' && digits[0] != '-') || !std::all_of(number.begin(), number.end(), is_digit)) {
    out.append(digits);
    return;
  }
  if (digits[0] == '-') out += '-';
  const std::string_view whole = number.substr(0, number.size() - decimals);
  std::string_view fraction = number.substr(whole.size());
  out.append(whole.substr(std::min(whole.find_first_not_of('0'), whole.size() - 1)));
  while (!fraction.empty() && fraction.back() == '0') fraction.remove_suffix(1);
  out += '.';
  out.append(fraction.empty() ? "0" : fraction);
}

void append_date(std::string_view r, std::string& out) {
  out.append(r.substr(15, 4)).append("-").append(r.substr(19, 2)).append("-").append(r.substr(21, 2)).append("T");
  out.append(r.substr(23, 2)).append(":").append(r.substr(25, 2)).append(":00");
}

struct isd_field {
  std::string_view name;
  append_field append;
};

constexpr std::array isd_fields{
    isd_field{"station", [](std::string_view r, std::string& out) { out.append(r.substr(4, 11)); }},
    isd_field{"date", append_date},
    isd_field{"source", [](std::string_view r, std::string& out) { out.append(r.substr(27, 1)); }},
    isd_field{"latitude", [](std::string_view r, std::string& out) { append_decimal(r.substr(28, 6), 3, out); }},
    isd_field{"longitude", [](std::string_view r, std::string& out) { append_decimal(r.substr(34, 7), 3, out); }},
    isd_field{"report_type", [](std::string_view r, std::string& out) { out.append(r.substr(41, 5)); }},
    isd_field{"elevation", [](std::string_view r, std::string& out) { append_decimal(r.substr(46, 5), 0, out); }},
    isd_field{"call_sign", [](std::string_view r, std::string& out) { out.append(r.substr(51, 5)); }},
    isd_field{"quality_control", [](std::string_view r, std::string& out) { out.append(r.substr(56, 4)); }},
    isd_field{"wnd", [](std::string_view r, std::string& out) { append_parts<63, 64, 65, 69, 70>(r, 60, out); }},
    isd_field{"cig", [](std::string_view r, std::string& out) { append_parts<75, 76, 77, 78>(r, 70, out); }},
    isd_field{"vis", [](std::string_view r, std::string& out) { append_parts<84, 85, 86, 87>(r, 78, out); }},
    isd_field{"tmp", [](std::string_view r, std::string& out) { append_parts<92, 93>(r, 87, out); }},
    isd_field{"dew", [](std::string_view r, std::string& out) { append_parts<98, 99>(r, 93, out); }},
    isd_field{"slp", [](std::string_view r, std::string& out) { append_parts<104, 105>(r, 99, out); }},
};

append_field find_isd_field(std::string_view name) {
  const auto equal = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  for (const isd_field& f : isd_fields)
    if (std::equal(name.begin(), name.end(), f.name.begin(), f.name.end(), equal)) return f.append;
  return nullptr;
}

// The record's length is written in its first four bytes: how many bytes follow the mandatory 105.
status check_record(std::string_view record) {
  if (record.size() < mandatory_length)
    return fail(errc::parse_error, "expected at least {} bytes, found {}", mandatory_length, record.size());
  std::size_t declared = mandatory_length;
  std::size_t variable = 0;
  for (const char c : record.substr(0, 4)) {
    if (c < '0' || c > '9')
      return fail(errc::parse_error, "expected the record's length in the first 4 bytes, found {}",
                  quoted_excerpt(record.substr(0, 4)));
    variable = variable * 10 + static_cast<std::size_t>(c - '0');
  }
  declared += variable;
  const bool longer = record.size() > declared && record.find_first_not_of(' ', declared) != std::string_view::npos;
  if (record.size() < declared || longer)
    return fail(errc::parse_error, "the record declares {} bytes, found {}", declared, record.size());
  const std::string_view mandatory = record.substr(0, mandatory_length);
  const auto* const bad = std::find_if(mandatory.begin(), mandatory.end(), [](char c) { return c < ' ' || c > '~'; });
  if (bad != mandatory.end())
    return fail(errc::parse_error, "expected ASCII, found {} at byte {}", quoted_excerpt({bad, 1}),
                bad - mandatory.begin() + 1);
  return {};
}

class isd_decoder final : public record_decoder {
 public:
  explicit isd_decoder(schema_ptr columns_schema) : schema_(std::move(columns_schema)) {
    for (const field& f : schema_->fields) append_.push_back(find_isd_field(f.name));
  }

  void decode(const raw_records& records, std::size_t first, std::size_t count, batch_builder& out,
              std::vector<std::uint32_t>& decoded, std::vector<decode_failure>& failures) override {
    reserve_rows(out, count);
    for (std::size_t i = first; i < first + count; ++i) {
      if (auto row = read_row(records[i], out); row) {
        out.row_done();
        decoded.push_back(static_cast<std::uint32_t>(i));
      } else {
        out.row_failed();
        failures.push_back({static_cast<std::uint32_t>(i), row.error().text()});
      }
    }
  }

 private:
  status read_row(std::string_view record, batch_builder& out) {
    while (record.ends_with('\n') || record.ends_with('\r')) record.remove_suffix(1);
    WEIR_TRY_VOID(check_record(record));
    scratch_.clear();
    append_date(record, scratch_);
    if (const auto date = parse_timestamp(scratch_); !date)
      return fail(errc::parse_error, "field 'date': {}", date.error().message);
    for (std::size_t i = 0; i < append_.size(); ++i) {
      if (auto pushed = push_field(record, out.at(i), i); !pushed)
        return fail(errc::parse_error, "field '{}': {}", schema_->fields[i].name, pushed.error().text());
    }
    return {};
  }

  status push_field(std::string_view record, column& out, std::size_t i) {
    scratch_.clear();
    if (append_[i] != nullptr) append_[i](record, scratch_);
    if (!scratch_.empty()) return push_text_value(out, scratch_);
    if (schema_->fields[i].not_null) return fail(errc::parse_error, "is missing, but NOT NULL");
    out.push_null();
    return {};
  }

  schema_ptr schema_;
  std::vector<append_field> append_;  // per column; null for names that ISD does not have
  std::string scratch_;
};

}  // namespace

decoder_ptr make_isd_decoder(schema_ptr columns_schema) {
  return std::make_unique<isd_decoder>(std::move(columns_schema));
}

status check_isd_schema(const schema& columns_schema) {
  for (const field& f : columns_schema.fields) {
    if (!f.not_null || find_isd_field(f.name) != nullptr) continue;
    std::string known;
    for (const isd_field& i : isd_fields) known.append(known.empty() ? "" : ", ").append(i.name);
    return fail(errc::invalid_argument, "column '{}' is NOT NULL, but format isd has no such field; known: {}", f.name,
                known);
  }
  return {};
}

}  // namespace weir
