// Ingest's time beside records: whose share counts, who is silent, what the other shards' clocks say.
#include <algorithm>

#include "actors/shard/ingest.hpp"

namespace weir {

void ingest::count_share(stream_state& s, ingest_source& source) {
  const bool quiet = source.life == source_life::quiet;
  if (quiet != source.counted_quiet) s.quiet_sources += quiet ? 1 : -1;
  source.counted_quiet = quiet;
  const auto share = source.life == source_life::live ? std::optional(source.share_us()) : std::nullopt;
  if (share == source.counted_us) return;
  if (source.counted_us) s.shares.remove(*source.counted_us);
  if (share) s.shares.add(*share);
  source.counted_us = share;
}

std::int64_t ingest::silence_allowed(const ingest_source& source) const {
  const auto declared = streams_.find(source.stream)->second.definition.idle_us;
  return declared > 0 ? declared : source.pushed ? limits_.quiet_after_us : 0;
}

void ingest::await_silence(const std::string& name, ingest_source& source) {
  const auto idle = silence_allowed(source);
  if (source.awaited || idle <= 0 || source.life != source_life::live) return;
  silences_.emplace(source.silent_since_us + idle, name);
  source.awaited = true;
}

std::vector<ingested_ptr> ingest::mark_idle(std::int64_t now_us) {
  std::set<std::string> silent;
  while (!silences_.empty() && silences_.begin()->first <= now_us) {
    const auto name = std::move(silences_.extract(silences_.begin()).value().second);
    auto& s = sources_.find(name)->second;
    s.awaited = false;
    if (s.life == source_life::live && now_us - s.silent_since_us >= silence_allowed(s))
      silent.insert(name);
    else
      await_silence(name, s);
  }
  std::map<std::string, std::vector<stream_mark>> marks;
  std::map<std::string, std::vector<std::string>> changed;
  for (const auto& name : silent) {  // in the order of their names, whoever fell silent first
    auto& s = sources_.find(name)->second;
    auto& stream = streams_.find(s.stream)->second;
    const bool declared = stream.definition.idle_us > 0;
    s.life = declared ? source_life::idle : source_life::quiet;
    count_share(stream, s);
    marks[s.stream].push_back({mark_kind::idle, name, declared ? s.max_event_us : no_watermark});
    changed[s.stream].push_back(name);
    touch(name);
  }
  std::vector<ingested_ptr> out;
  for (auto& [stream, list] : marks)
    out.push_back(write_marks(streams_[stream], std::move(list), changed[stream], now_us));
  return out;
}

std::optional<std::int64_t> ingest::next_idle_us() const {
  return silences_.empty() ? std::nullopt : std::optional(silences_.begin()->first);
}

std::vector<ingested_ptr> ingest::advise(std::string_view stream, const clock_advice& advice, std::int64_t now_us) {
  const auto it = streams_.find(stream);
  if (it == streams_.end() || !it->second.definition.columns || it->second.shares.count() > 0) return {};
  auto& s = it->second;
  stream_mark mark{advice.flush ? mark_kind::flushed : mark_kind::advanced, {}, advice.time_us};
  if (advice.flush) {
    if (advice.time_us <= s.clock.flushed_us) return {};
    s.clock.flushed_us = advice.time_us;
    s.clock.watermark_us = std::max(s.clock.watermark_us, advice.time_us + 1);
  } else {
    if (advice.time_us <= s.clock.watermark_us) return {};
    s.clock.watermark_us = advice.time_us;
  }
  return {write_marks(s, {mark}, {}, now_us)};
}

}  // namespace weir
