#include "runtime/operators/output_rows.hpp"

#include <algorithm>

#include "runtime/batch/key_codec.hpp"

namespace weir {

namespace {

template <class T>
void append_all(const std::vector<T>& from, std::vector<T>& to) {
  to.insert(to.end(), from.begin(), from.end());
}

void append_columns(const record_batch& from, record_batch& to) {
  for (std::size_t c = 0; c < to.columns.size(); ++c) {
    column joined(*to.columns[c]);
    for (std::size_t r = 0; r < from.rows; ++r) joined.push_from(*from.columns[c], r);
    to.columns[c] = std::make_shared<const column>(std::move(joined));
  }
  to.rows += from.rows;
}

}  // namespace

void append_rows(stamped_batch rows, stamped_batch& out) {
  if (rows.size() == 0) return;
  if (out.size() == 0) {
    out = std::move(rows);
    return;
  }
  if (!out.sign.empty() || !rows.sign.empty()) {
    out.sign.resize(out.size(), 1);
    rows.sign.resize(rows.size(), 1);
    append_all(rows.sign, out.sign);
  }
  append_columns(rows.rows, out.rows);
  append_all(rows.event_time_us, out.event_time_us);
  append_all(rows.sequence, out.sequence);
  append_all(rows.late, out.late);
  if (rows.sources == out.sources) return append_all(rows.source, out.source);
  auto sources = std::make_shared<std::vector<std::string>>(*out.sources);
  const auto shift = static_cast<std::uint32_t>(sources->size());
  append_all(*rows.sources, *sources);
  for (const auto s : rows.source) out.source.push_back(s + shift);
  out.sources = std::move(sources);
}

void output_rows::add(const record_batch& from, std::size_t row, std::string_view source, std::int64_t event_time_us,
                      std::uint8_t late, std::int8_t sign) {
  for (std::size_t c = 0; c < from.columns.size(); ++c) columns_.at(c).push_from(*from.columns[c], row);
  columns_.row_done();
  if (rows_have_keys(plan_)) keys_.push_back(encode_key(from, plan_.key_columns, row));
  auto number = static_cast<std::uint32_t>(sources_.size());
  // Where a group's key stands for its source nearly every row has another one.
  if (plan_.keyed_by_source) number = source_numbers_.try_emplace(std::string(source), number).first->second;
  if (number == sources_.size()) sources_.emplace_back(source);
  stamps_.source.push_back(number);
  stamps_.event_time_us.push_back(event_time_us);
  stamps_.sequence.push_back(0);
  stamps_.late.push_back(late);
  if (plan_.kind == view_kind::upsert) stamps_.sign.push_back(sign);
}

void output_rows::finish(operator_output& out) {
  if (empty()) return;
  stamps_.rows = columns_.finish();
  stamps_.sources = std::make_shared<const std::vector<std::string>>(std::move(sources_));
  append_rows(std::move(stamps_), out.rows);
  std::move(keys_.begin(), keys_.end(), std::back_inserter(out.keys));
  stamps_ = {};
  keys_.clear();
  sources_.clear();
  source_numbers_.clear();
}

}  // namespace weir
