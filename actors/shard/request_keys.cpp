#include "actors/shard/request_keys.hpp"

#include <algorithm>

#include "runtime/operators/byte_codec.hpp"
#include "state/state_key.hpp"

namespace weir {

namespace {

constexpr std::uint8_t version = 1;
constexpr int forgotten_at_once = 1'000;  // so that no request pays for a day's worth of others

std::string name_of(std::string_view source, std::string_view key) {
  std::string out(source);
  out.push_back('\0');
  out += key;
  return out;
}

std::string encode(const known_request& r) {
  std::string out;
  put_u8(out, version);
  put_bytes(out, r.fingerprint);
  put_varint(out, r.answer.accepted);
  put_varint(out, r.answer.dead);
  put_varint(out, r.answer.late);
  put_varint(out, r.answer.first_number);
  put_bytes(out, r.answer.first_reason);
  put_zigzag(out, r.recorded_us);
  put_varint(out, r.order);
  return out;
}

}  // namespace

const known_request* request_keys::find(std::string_view source, std::string_view key, std::int64_t now_us) const {
  const auto it = known_.find(name_of(source, key));
  return it == known_.end() || it->second.recorded_us + window_us_ <= now_us ? nullptr : &it->second;
}

void request_keys::record(std::string_view source, std::string_view key, known_request request, std::int64_t now_us) {
  auto name = name_of(source, key);
  if (const auto old = known_.find(name); old != known_.end()) in_order_.erase(old->second.order);
  request.recorded_us = last_us_ = std::max(last_us_, now_us);
  request.order = next_order_++;
  in_order_.emplace(request.order, name);
  changed_.insert(name);
  known_.insert_or_assign(std::move(name), std::move(request));
  forget(last_us_);
}

void request_keys::forget(std::int64_t now_us) {
  for (int i = 0; i < forgotten_at_once && !in_order_.empty(); ++i) {
    const auto oldest = in_order_.begin();
    const auto it = known_.find(oldest->second);
    if (known_.size() <= count_ && it->second.recorded_us + window_us_ > now_us) return;
    changed_.insert(oldest->second);
    known_.erase(it);
    in_order_.erase(oldest);
  }
}

void request_keys::take_changes(std::string_view prefix, std::vector<state_change>& out) {
  for (const auto& name : changed_) {
    std::string key(prefix);
    key.push_back(state_of_request);
    key += name;
    const auto it = known_.find(name);
    out.push_back({std::move(key), it == known_.end() ? std::nullopt : std::optional(encode(it->second))});
  }
  changed_.clear();
}

status request_keys::restore(std::string_view name, std::string_view value) {
  byte_reader r(value);
  known_request k;
  if (r.u8() != version) return fail(errc::corrupt, "an idempotency key's state has an unknown version");
  k.fingerprint = r.bytes();
  k.answer.accepted = r.varint();
  k.answer.dead = r.varint();
  k.answer.late = r.varint();
  k.answer.first_number = r.varint();
  k.answer.first_reason = r.bytes();
  k.recorded_us = r.zigzag();
  k.order = r.varint();
  if (!r.ok() || !r.at_end()) return fail(errc::corrupt, "an idempotency key's state cannot be read");
  next_order_ = std::max(next_order_, k.order + 1);
  last_us_ = std::max(last_us_, k.recorded_us);
  in_order_.emplace(k.order, name);
  known_.insert_or_assign(std::string(name), std::move(k));
  return {};
}

}  // namespace weir
