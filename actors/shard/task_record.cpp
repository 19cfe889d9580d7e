#include "actors/shard/task_record.hpp"

#include "state/state_key.hpp"

namespace weir {

namespace {

constexpr std::uint8_t version = 2;

void put(std::string& out, const input_positions& positions) {
  put_varint(out, positions.size());
  for (const auto& [topic, position] : positions) {
    put_bytes(out, topic);
    put_varint(out, position);
  }
}

void put(std::string& out, const task_record::view& v) {
  put_bytes(out, v.name);
  put_clock(out, v.written_out);
  put_clock(out, v.written_partial);
  put_clock(out, v.out);
  put_varint(out, v.shard_clocks.size());
  for (const auto& c : v.shard_clocks) put_clock(out, c);
  put_u8(out, v.abreast_sent ? 1 : 0);
  put_varint(out, v.abreast.size());
  for (const bool a : v.abreast) put_u8(out, a ? 1 : 0);
  put_u8(out, v.told ? 1 : 0);
  if (!v.told) return;
  put(out, v.told->positions);
  put_clock(out, v.told->clock);
}

input_positions read_positions(byte_reader& in) {
  input_positions out;
  for (auto left = in.varint(); left > 0 && in.ok(); --left) {
    const auto topic = in.bytes();
    out[std::string(topic)] = in.varint();
  }
  return out;
}

task_record::view read_view(byte_reader& in) {
  task_record::view v;
  v.name = in.bytes();
  v.written_out = take_clock(in);
  v.written_partial = take_clock(in);
  v.out = take_clock(in);
  for (auto left = in.varint(); left > 0 && in.ok(); --left) v.shard_clocks.push_back(take_clock(in));
  v.abreast_sent = in.u8() != 0;
  for (auto left = in.varint(); left > 0 && in.ok(); --left) v.abreast.push_back(in.u8() != 0);
  if (in.u8() == 0) return v;
  v.told.emplace();
  v.told->positions = read_positions(in);
  v.told->clock = take_clock(in);
  return v;
}

}  // namespace

void put_clock(std::string& out, const clock_state& c) {
  put_i64(out, c.watermark_us);
  put_i64(out, c.flushed_us);
}

clock_state take_clock(byte_reader& in) {
  clock_state c;
  c.watermark_us = in.i64();
  c.flushed_us = in.i64();
  return c;
}

std::string encode_task_record(const task_record& r) {
  std::string out;
  put_u8(out, version);
  put_varint(out, r.inputs.size());
  for (const auto& i : r.inputs) {
    put_u8(out, static_cast<std::uint8_t>(i.kind));
    put_bytes(out, i.name);
    put_varint(out, i.position);
    put_zigzag(out, i.offset_hint);
  }
  put_varint(out, r.views.size());
  for (const auto& v : r.views) put(out, v);
  put(out, r.catch_up);
  return out;
}

result<task_record> decode_task_record(std::string_view bytes) {
  byte_reader in(bytes);
  task_record r;
  if (in.u8() != version) in.reject();
  for (auto left = in.varint(); left > 0 && in.ok(); --left) {
    task_record::input i;
    i.kind = static_cast<input_kind>(in.u8());
    i.name = in.bytes();
    i.position = in.varint();
    i.offset_hint = in.zigzag();
    r.inputs.push_back(std::move(i));
  }
  for (auto left = in.varint(); left > 0 && in.ok(); --left) r.views.push_back(read_view(in));
  r.catch_up = read_positions(in);
  if (!in.ok() || !in.at_end()) return fail(errc::corrupt, "a task's record of {} bytes cannot be read", bytes.size());
  return r;
}

result<std::string> remove_state(state_store& store, int shard, const std::string& prefix,
                                 std::vector<state_change>& changes) {
  std::string record;
  WEIR_TRY_VOID(store.load(shard, prefix, [&](std::string_view key, std::string_view value) -> status {
    if (key.substr(prefix.size()) == std::string_view(&state_of_task, 1)) record = value;
    changes.push_back({std::string(key), std::nullopt});
    return {};
  }));
  return record;
}

}  // namespace weir
