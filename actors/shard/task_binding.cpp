#include <algorithm>

#include "actors/shard/task_node.hpp"
#include "runtime/fault/protocol_rules.hpp"
#include "runtime/operators/byte_codec.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {

namespace {

column_ptr source_column(const stamped_batch& in) {
  auto c = std::make_shared<column>(data_type::text);
  c->reserve(in.size());
  for (const auto s : in.source) c->push_text((*in.sources)[s]);
  return c;
}

std::int64_t shift_back(std::int64_t t) { return t == no_watermark ? t : t - us_per_ms; }

// The end of the last window that a flush at `t` closes.
std::int64_t flushed_end(const window_spec& w, std::int64_t t) {
  return w.kind == window_kind::tumble ? floor_to(t, w.size_us, w.offset_us) + w.size_us : t + w.size_us;
}

}  // namespace

stamped_batch bind_input(const view_plan& plan, stamped_batch input, const std::vector<std::size_t>& place) {
  stamped_batch out;
  out.rows.columns_schema = plan.input_columns;
  out.rows.rows = input.size();
  out.rows.columns.reserve(plan.input_fields.size());
  for (const auto& f : plan.input_fields) {
    switch (f.from) {
      case input_field::origin::column:
        out.rows.columns.push_back(input.rows.columns[place.empty() ? f.column : place[f.column]]);
        break;
      case input_field::origin::source: out.rows.columns.push_back(source_column(input)); break;
      case input_field::origin::event_time:
        out.rows.columns.push_back(
            std::make_shared<const column>(column::from_ints(data_type::timestamptz, input.event_time_us)));
        break;
    }
  }
  out.event_time_us = std::move(input.event_time_us);
  out.source = std::move(input.source);
  out.sequence = std::move(input.sequence);
  out.late = std::move(input.late);
  if (!rule_on(12)) out.late.assign(out.size(), 0);
  out.sign = std::move(input.sign);
  out.sources = std::move(input.sources);
  out.raw = std::move(input.raw);
  out.original = std::move(input.original);
  return out;
}

clock_state output_clock(const view_plan& plan, const clock_state& c) {
  if (!plan.grouped || plan.window.kind == window_kind::none) return c;
  clock_state out;
  out.watermark_us = shift_back(c.watermark_us);
  if (c.flushed_us != no_watermark) out.flushed_us = shift_back(flushed_end(plan.window, c.flushed_us));
  return out;
}

clock_state least(const std::vector<clock_state>& clocks) {
  clock_state out = clocks.empty() ? clock_state{} : clocks.front();
  for (const auto& c : clocks) {
    out.watermark_us = std::min(out.watermark_us, c.watermark_us);
    out.flushed_us = std::min(out.flushed_us, c.flushed_us);
  }
  return out;
}

result<clock_state> read_clock(std::string_view bytes) {
  byte_reader r(bytes);
  const auto c = take_clock(r);
  if (!r.ok() || !r.at_end()) return fail(errc::corrupt, "a clock of {} bytes cannot be read", bytes.size());
  return c;
}

std::string encode_row_header(const row_header& h) {
  std::string out(1, h.kind);
  put_bytes(out, h.source);
  put_varint(out, h.sequence);
  put_u8(out, h.late);
  return out;
}

result<row_header> decode_row_header(std::string_view header) {
  byte_reader r(header);
  row_header h;
  h.kind = static_cast<char>(r.u8());
  h.source = r.bytes();
  h.sequence = r.varint();
  h.late = r.u8();
  if (!r.ok() || !r.at_end()) return fail(errc::corrupt, "a row's header of {} bytes cannot be read", header.size());
  return h;
}

}  // namespace weir
