#include "actors/shard/stream_entry.hpp"

#include "runtime/operators/byte_codec.hpp"
#include "runtime/time/timestamp.hpp"

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

// Varints of a text that holds enough bytes for all that are read: no look at its end for each.
class quick_varints {
 public:
  explicit quick_varints(const char* at) : at_(at) {}
  std::uint64_t next() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto b = static_cast<std::uint8_t>(*at_++);
      if (shift == 63 && b > 1) break;
      v |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
    good_ = false;
    return 0;
  }
  std::int64_t next_zigzag() {
    const auto v = next();
    return static_cast<std::int64_t>(v >> 1 ^ (~(v & 1) + 1));
  }
  const char* at() const { return at_; }
  bool good() const { return good_; }

 private:
  const char* at_;
  bool good_ = true;
};

constexpr std::size_t most_stamp_bytes = 30;  // three varints

bool read_stamps(byte_reader& r, std::uint64_t count, stream_entry& e, std::vector<std::uint32_t>& ends) {
  if (count > r.remaining() / 3) return false;
  ends.resize(count);
  e.event_time_us.resize(count);
  e.sequence.resize(count);
  e.late.resize(count);
  std::uint64_t end = 0, sequence = e.first_sequence, time = 0;
  const auto take = [&](std::uint64_t i, std::uint64_t length, std::int64_t time_change, std::uint64_t packed) {
    end += length;
    time += static_cast<std::uint64_t>(time_change);
    sequence += packed >> 2;
    ends[i] = static_cast<std::uint32_t>(end);
    e.event_time_us[i] = static_cast<std::int64_t>(time);
    e.sequence[i] = sequence++;
    e.late[i] = static_cast<std::uint8_t>(packed & 3);
    // One length alone could bring the sum around to where it fits again.
    if (length > std::uint32_t(-1) || end > std::uint32_t(-1)) return false;
    return e.event_time_us[i] >= timestamp_min_us && e.event_time_us[i] <= timestamp_max_us;
  };
  std::uint64_t i = 0;
  quick_varints quick(r.rest().data());
  for (const char* const safe = quick.at() + r.remaining(); i < count; ++i) {
    if (static_cast<std::size_t>(safe - quick.at()) < most_stamp_bytes) break;
    const auto length = quick.next();
    const auto time_change = quick.next_zigzag();
    if (!take(i, length, time_change, quick.next()) || !quick.good()) return false;
  }
  r.take(static_cast<std::uint64_t>(quick.at() - r.rest().data()));
  for (; i < count && r.ok(); ++i) {
    const auto length = r.varint();
    const auto time_change = r.zigzag();
    if (!take(i, length, time_change, r.varint())) return false;
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

result<stream_entry> decode_entry(std::string value) {
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
  const auto from = value.size() - r.remaining();
  r.take(ends.empty() ? 0 : ends.back());
  if (!r.ok() || !r.at_end()) return corrupt("its records are not as long as it says");
  e.records = raw_records::adopt(std::move(value), from, std::move(ends));
  return e;
}

}  // namespace weir
