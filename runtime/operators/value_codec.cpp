#include "runtime/operators/value_codec.hpp"

#include <bit>

namespace weir {

void put_value(std::string& out, const column& values, std::size_t row) {
  if (values.is_null(row)) {
    put_u8(out, 0);
    return;
  }
  put_u8(out, 1);
  if (is_text_like(values.type()))
    put_bytes(out, values.text(row));
  else if (values.type() == data_type::double_precision)
    put_u64(out, std::bit_cast<std::uint64_t>(values.doubles()[row]));
  else
    put_zigzag(out, values.ints()[row]);
}

void read_value(byte_reader& in, column& out) {
  const std::uint8_t tag = in.u8();
  if (tag > 1) in.reject();
  if (!in.ok()) return;
  if (tag == 0) {
    out.push_null();
  } else if (is_text_like(out.type())) {
    const auto text = in.bytes();
    if (in.ok()) out.push_text(text);
  } else if (out.type() == data_type::double_precision) {
    const auto bits = in.u64();
    if (in.ok()) out.push_double(std::bit_cast<double>(bits));
  } else {
    const auto v = in.zigzag();
    if (in.ok()) out.push_int(v);
  }
}

void put_row(std::string& out, const record_batch& rows, std::size_t row) {
  for (const auto& c : rows.columns) put_value(out, *c, row);
}

}  // namespace weir
