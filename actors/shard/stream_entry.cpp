#include "actors/shard/stream_entry.hpp"

#include "runtime/operators/byte_codec.hpp"

namespace weir {

namespace {

constexpr std::uint8_t version = 1;

void write_clock(std::string& out, const clock_state& c) {
  put_zigzag(out, c.watermark_us);
  put_zigzag(out, c.flushed_us);
}

clock_state read_clock(byte_reader& r) {
  clock_state c;
  c.watermark_us = r.zigzag();
  c.flushed_us = r.zigzag();
  return c;
}

void write_stamps(std::string& out, const stream_entry& e) {
  std::int64_t time = 0;
  std::uint64_t sequence = e.first_sequence;
  std::uint32_t begin = 0;
  for (std::size_t i = 0; i < e.records.size(); ++i) {
    put_varint(out, e.records.ends()[i] - begin);
    begin = e.records.ends()[i];
    put_zigzag(out, e.event_time_us[i] - time);
    time = e.event_time_us[i];
    // Sequences rise by one but where a record was a dead letter; the gap shares a varint with the flags.
    put_varint(out, (e.sequence[i] - sequence) << 2 | e.late[i]);
    sequence = e.sequence[i] + 1;
  }
}

bool read_stamps(byte_reader& r, std::uint64_t count, stream_entry& e, std::vector<std::uint32_t>& ends) {
  if (count > r.remaining() / 3) return false;
  ends.reserve(count);
  e.event_time_us.reserve(count);
  e.sequence.reserve(count);
  e.late.reserve(count);
  std::uint64_t end = 0, sequence = e.first_sequence;
  std::int64_t time = 0;
  for (std::uint64_t i = 0; i < count && r.ok(); ++i) {
    end += r.varint();
    if (end > std::uint32_t(-1)) return false;
    ends.push_back(static_cast<std::uint32_t>(end));
    time = static_cast<std::int64_t>(static_cast<std::uint64_t>(time) + static_cast<std::uint64_t>(r.zigzag()));
    e.event_time_us.push_back(time);
    const auto packed = r.varint();
    sequence += packed >> 2;
    e.sequence.push_back(sequence++);
    e.late.push_back(static_cast<std::uint8_t>(packed & 3));
  }
  return r.ok();
}

bool read_marks(byte_reader& r, stream_entry& e) {
  const auto count = r.varint();
  if (count > r.remaining() / 3) return false;
  for (std::uint64_t i = 0; i < count && r.ok(); ++i) {
    stream_mark m;
    const auto kind = r.u8();
    if (kind > static_cast<std::uint8_t>(mark_kind::flushed)) return false;
    m.kind = static_cast<mark_kind>(kind);
    m.source = r.bytes();
    m.time_us = r.zigzag();
    e.marks.push_back(std::move(m));
  }
  return r.ok();
}

bool read_source_clocks(byte_reader& r, stream_entry& e) {
  const auto count = r.varint();
  if (count > r.remaining() / 3) return false;
  for (std::uint64_t i = 0; i < count && r.ok(); ++i) {
    std::string source(r.bytes());
    e.source_clocks.emplace_back(std::move(source), read_clock(r));
  }
  return r.ok();
}

}  // namespace

std::string encode_entry_header(const stream_entry& entry) {
  std::string out;
  put_varint(out, entry.first_number);
  put_varint(out, entry.records.size() + entry.marks.size());
  return out;
}

result<entry_numbers> decode_entry_header(std::string_view header) {
  byte_reader r(header);
  entry_numbers n;
  n.first = r.varint();
  n.next = n.first + r.varint();
  if (!r.ok() || !r.at_end())
    return fail(errc::corrupt, "a stream entry's header cannot be read ({} bytes)", header.size());
  return n;
}

std::string encode_entry(const stream_entry& e) {
  std::string out;
  out.reserve(e.records.byte_count() + e.records.size() * 8 + 256);
  put_u8(out, version);
  put_varint(out, e.first_number);
  put_bytes(out, e.source);
  put_bytes(out, e.format);
  put_bytes(out, e.context);
  put_varint(out, e.first_sequence);
  put_zigzag(out, e.arrival_us);
  write_clock(out, e.stream_clock);
  put_varint(out, e.source_clocks.size());
  for (const auto& [source, clock] : e.source_clocks) {
    put_bytes(out, source);
    write_clock(out, clock);
  }
  put_varint(out, e.marks.size());
  for (const auto& m : e.marks) {
    put_u8(out, static_cast<std::uint8_t>(m.kind));
    put_bytes(out, m.source);
    put_zigzag(out, m.time_us);
  }
  put_varint(out, e.records.size());
  write_stamps(out, e);
  out.append(e.records.all_bytes());
  return out;
}

result<stream_entry> decode_entry(std::string_view value) {
  const auto corrupt = [&](std::string_view what) {
    return fail(errc::corrupt, "a stream entry of {} bytes cannot be read: {}", value.size(), what);
  };
  byte_reader r(value);
  if (const auto v = r.u8(); v != version) return corrupt(fmt::format("version {} (known: {})", v, version));
  stream_entry e;
  e.first_number = r.varint();
  e.source = r.bytes();
  e.format = r.bytes();
  e.context = r.bytes();
  e.first_sequence = r.varint();
  e.arrival_us = r.zigzag();
  e.stream_clock = read_clock(r);
  if (!read_source_clocks(r, e)) return corrupt("source clocks");
  if (!read_marks(r, e)) return corrupt("marks");
  std::vector<std::uint32_t> ends;
  if (!read_stamps(r, r.varint(), e, ends)) return corrupt("stamps");
  const auto bytes = r.take(ends.empty() ? 0 : ends.back());
  if (!r.ok() || !r.at_end()) return corrupt("its records are not as long as it says");
  e.records = raw_records::adopt(bytes, std::move(ends));
  return e;
}

}  // namespace weir
