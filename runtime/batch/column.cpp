#include "runtime/batch/column.hpp"

#include <cassert>

namespace weir {

void column::reserve(std::size_t rows) {
  if (is_text_like(type_))
    ends_.reserve(rows);
  else if (type_ == data_type::double_precision)
    doubles_.reserve(rows);
  else
    ints_.reserve(rows);
}

void column::push_null() {
  if (valid_.empty()) valid_.assign(size_, 1);
  if (is_text_like(type_))
    ends_.push_back(static_cast<std::uint32_t>(chars_.size()));
  else if (type_ == data_type::double_precision)
    doubles_.push_back(0);
  else
    ints_.push_back(0);
  valid_.push_back(0);
  ++size_;
}

void column::push_from(const column& other, std::size_t row) {
  assert(type_ == other.type_);
  if (other.is_null(row))
    push_null();
  else if (is_text_like(type_))
    push_text(other.text(row));
  else if (type_ == data_type::double_precision)
    push_double(other.doubles_[row]);
  else
    push_int(other.ints_[row]);
}

void column::truncate(std::size_t rows) {
  if (rows >= size_) return;
  if (is_text_like(type_)) {
    chars_.resize(rows == 0 ? 0 : ends_[rows - 1]);
    ends_.resize(rows);
  } else if (type_ == data_type::double_precision) {
    doubles_.resize(rows);
  } else {
    ints_.resize(rows);
  }
  if (!valid_.empty()) valid_.resize(rows);
  size_ = rows;
}

column column::gather(std::span<const std::uint32_t> rows) const {
  column out(type_);
  out.reserve(rows.size());
  if (valid_.empty() && !is_text_like(type_)) {
    if (type_ == data_type::double_precision)
      for (auto r : rows) out.doubles_.push_back(doubles_[r]);
    else
      for (auto r : rows) out.ints_.push_back(ints_[r]);
    out.size_ = rows.size();
    return out;
  }
  for (auto r : rows) out.push_from(*this, r);
  return out;
}

std::size_t column::memory_bytes() const {
  return valid_.capacity() + ints_.capacity() * 8 + doubles_.capacity() * 8 + ends_.capacity() * 4 + chars_.capacity();
}

column column::from_ints(data_type type, std::vector<std::int64_t> values, std::vector<std::uint8_t> valid) {
  column c(type);
  c.size_ = values.size();
  c.ints_ = std::move(values);
  c.valid_ = std::move(valid);
  return c;
}

column column::from_doubles(std::vector<double> values, std::vector<std::uint8_t> valid) {
  column c(data_type::double_precision);
  c.size_ = values.size();
  c.doubles_ = std::move(values);
  c.valid_ = std::move(valid);
  return c;
}

record_batch record_batch::gather(std::span<const std::uint32_t> selected) const {
  record_batch out{columns_schema, {}, selected.size()};
  out.columns.reserve(columns.size());
  for (const auto& c : columns) out.columns.push_back(std::make_shared<const column>(c->gather(selected)));
  return out;
}

std::size_t record_batch::memory_bytes() const {
  std::size_t bytes = 0;
  for (const auto& c : columns) bytes += c->memory_bytes();
  return bytes;
}

batch_builder::batch_builder(schema_ptr s) : schema_(std::move(s)) {
  for (const auto& f : schema_->fields) columns_.emplace_back(f.type);
}

void batch_builder::row_failed() {
  for (auto& c : columns_) c.truncate(rows_);
}

record_batch batch_builder::finish() {
  record_batch out{schema_, {}, rows_};
  out.columns.reserve(columns_.size());
  for (auto& c : columns_) {
    const auto type = c.type();
    out.columns.push_back(std::make_shared<const column>(std::move(c)));
    c = column(type);
  }
  rows_ = 0;
  return out;
}

}  // namespace weir
