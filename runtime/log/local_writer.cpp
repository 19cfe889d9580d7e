#include "runtime/log/local_writer.hpp"

#include <algorithm>

#include "runtime/log/log_checks.hpp"

namespace weir::local {

namespace {

constexpr std::size_t entry_overhead = 64;  // at most: what one entry takes beside its bytes

std::size_t entry_bytes(const log_append& entry) {
  return entry.key.size() + entry.header.size() + (entry.value ? entry.value->size() : 0);
}

bool same_place(const log_append& left, const log_append& right) {
  return left.partition == right.partition && left.topic == right.topic;
}

}  // namespace

local_writer::local_writer(std::shared_ptr<local_store> store, std::string id, std::int64_t epoch)
    : store_(std::move(store)), id_(std::move(id)), epoch_(epoch) {}

result<std::vector<std::int64_t>> local_writer::commit(std::span<const log_append> batch) {
  if (dead_) return fail(*dead_);
  prepared_commit mine;
  mine.writer_id = &id_;
  mine.epoch = epoch_;
  mine.entries = batch;
  WEIR_TRY_VOID(prepare(mine));
  WEIR_TRY_VOID(store_->check_space(mine.bytes));
  store_->commit(mine);
  if (!mine.failure) return std::move(mine.offsets);
  auto const code = mine.failure->code;
  if (code == errc::fenced) dead_ = mine.failure;
  if (code == errc::unknown_outcome) {
    dead_ = error{errc::fenced, fmt::format("writer {} ended with an unknown outcome", id_), "open the writer again"};
  }
  return fail(std::move(*mine.failure));
}

status local_writer::prepare(prepared_commit& commit) {
  for (auto const& entry : commit.entries) commit.bytes += entry_bytes(entry) + entry_overhead;
  auto const limit = store_->options().max_commit_bytes;
  if (commit.bytes > limit) {
    return fail(errc::rejected, "a commit of {} bytes is over the log's limit of {}", commit.bytes, limit);
  }
  commit.part_of.reserve(commit.entries.size());
  commit.offsets.reserve(commit.entries.size());
  part_places places;
  for (std::size_t i = 0; i < commit.entries.size(); ++i) WEIR_TRY_VOID(place(commit, i, places));
  return {};
}

status local_writer::place(prepared_commit& commit, std::size_t at, part_places& places) {
  auto const& entry = commit.entries[at];
  if (at > 0 && same_place(entry, commit.entries[at - 1])) {
    commit.part_of.push_back(commit.part_of.back());
  } else {
    auto topic = store_->find(entry.topic);
    if (!topic) return fail(unknown_topic(entry.topic));
    auto const key = std::pair(topic.get(), entry.partition);
    auto const [found, is_new] = places.try_emplace(key, static_cast<std::uint32_t>(commit.parts.size()));
    if (is_new) commit.parts.push_back({.topic = std::move(topic), .partition = entry.partition});
    commit.part_of.push_back(found->second);
  }
  auto& part = commit.parts[commit.part_of.back()];
  WEIR_TRY_VOID(check_append(entry, part.topic->config, store_->options().max_entry_bytes));
  commit.offsets.push_back(part.count++);
  if (part.topic->config.kind == topic_kind::compacted) {
    part.entries.push_back(at);
    return {};
  }
  auto const limit = store_->options().batch_bytes;
  auto const bytes = entry_bytes(entry) + entry_overhead;
  if (part.batches.empty() || part.batches.back().bytes() + bytes > limit) {
    part.batches.emplace_back(std::max(bytes, std::min(limit, commit.bytes)));
  }
  part.batches.back().add(entry);
  return {};
}

}  // namespace weir::local
