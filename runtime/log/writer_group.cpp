#include "runtime/log/writer_group.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace weir {

namespace {

using offsets = std::vector<std::int64_t>;

std::size_t bytes_of(std::span<const log_append> batch) {
  std::size_t out = 0;
  for (const auto& a : batch) out += a.key.size() + a.header.size() + (a.value ? a.value->size() : 0);
  return out;
}

}  // namespace

struct writer_group::shared {
  std::unique_ptr<log_writer> writer;
  bool busy = false;          // a transaction is under way
  std::optional<error> dead;  // for everybody who has not opened again
};

struct writer_group::request {
  const part_writer* from;
  std::span<const log_append> batch;
  std::size_t bytes;
  std::optional<result<offsets>> answer;
};

class writer_group::part_writer final : public log_writer {
 public:
  part_writer(std::shared_ptr<writer_group> all, std::shared_ptr<shared> opened, int number, std::uint64_t times)
      : group(std::move(all)), through(std::move(opened)), part(number), opening(times) {}

  result<offsets> commit(std::span<const log_append> batch) override { return group->commit(*this, batch); }

  const std::shared_ptr<writer_group> group;
  const std::shared_ptr<shared> through;
  const int part;
  const std::uint64_t opening;
};

writer_group::writer_group(event_log& log, writer_group_options options) : log_(log), options_(std::move(options)) {}

result<std::unique_ptr<log_writer>> writer_group::open(int part) {
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [&] { return !opening_; });
  auto through = current_.lock();
  if (through && !settled_.wait_for(lock, options_.patience, [&] { return !through->busy && !opening_; })) {
    if (opening_) return fail(errc::unavailable, "writer {} is being opened by another shard", options_.id);
    abandon(*through);
  }
  through = current_.lock();
  if (!through || through->dead) {
    opening_ = true;
    lock.unlock();
    auto opened = log_.open_writer(options_.id);
    lock.lock();
    opening_ = false;
    settled_.notify_all();
    if (!opened) return fail(std::move(opened).error());
    through = std::make_shared<shared>();
    through->writer = std::move(*opened);
    current_ = through;
  }
  return std::make_unique<part_writer>(shared_from_this(), std::move(through), part, ++opened_[part]);
}

// Whatever the transaction that hangs does later: the next owner of the id has fenced it.
void writer_group::abandon(shared& of) {
  of.dead = error{errc::unknown_outcome, fmt::format("a transaction of writer {} hangs", options_.id), {}};
  for (auto* r : waiting_)
    if (r->from->through.get() == &of) r->answer = fail(*of.dead);
  std::erase_if(waiting_, [](const request* r) { return r->answer.has_value(); });
  settled_.notify_all();
}

std::size_t writer_group::waiting() {
  std::lock_guard const lock(mutex_);
  return waiting_.size();
}

result<offsets> writer_group::commit(const part_writer& from, std::span<const log_append> batch) {
  request mine{&from, batch, bytes_of(batch), std::nullopt};
  auto& through = *from.through;
  std::unique_lock lock(mutex_);
  waiting_.push_back(&mine);
  settled_.notify_all();
  for (;;) {
    settled_.wait(lock, [&] { return mine.answer || !through.busy; });
    if (mine.answer) return std::move(*mine.answer);
    through.busy = true;
    // Others join meanwhile.
    const auto answered = [&] { return mine.answer.has_value(); };
    settled_.wait_until(lock, through.writer->rests_until(), answered);
    settled_.wait_for(lock, options_.company, [&] { return answered() || all_are_here(); });
    const auto taken = take_turn();
    lock.unlock();
    if (!taken.empty()) serve(through, taken);
    lock.lock();
    through.busy = false;
    settled_.notify_all();
  }
}

bool writer_group::all_are_here() const {
  const auto is_here = [&](int part) {
    return std::ranges::any_of(waiting_, [part](const request* r) { return r->from->part == part; });
  };
  return std::ranges::all_of(last_parts_, is_here) && std::ranges::all_of(parts_before_, is_here);
}

// Those who wait, in their order, as far as one transaction holds them; answers the ones who may not commit. All who
// may have one writer open: another is opened only when that one is dead or nobody's.
std::vector<writer_group::request*> writer_group::take_turn() {
  std::vector<request*> out;
  std::size_t bytes = 0;
  for (auto it = waiting_.begin(); it != waiting_.end(); it = waiting_.erase(it)) {
    auto& next = **it;
    if (const auto& dead = next.from->through->dead) {
      next.answer = fail(*dead);
    } else if (opened_[next.from->part] != next.from->opening) {
      next.answer = fail(errc::fenced, "part {} of writer {} was opened again", next.from->part, options_.id);
    } else {
      if (!out.empty() && bytes + next.bytes > options_.max_commit_bytes) break;
      bytes += next.bytes;
      out.push_back(&next);
    }
  }
  if (!out.empty()) {
    parts_before_ = std::move(last_parts_);
    last_parts_.clear();
    for (const auto* r : out) last_parts_.insert(r->from->part);
  }
  settled_.notify_all();
  return out;
}

void writer_group::serve(shared& of, const std::vector<request*>& taken) {
  std::vector<log_append> joined;
  if (taken.size() > 1)
    for (const auto* r : taken) joined.insert(joined.end(), r->batch.begin(), r->batch.end());
  auto stands = of.writer->commit(taken.size() > 1 ? joined : taken.front()->batch);
  // Someone's entries are not acceptable: each alone, so that only that one is charged (PROTOCOL 7).
  if (!stands && stands.error().code == errc::rejected && taken.size() > 1) {
    for (auto* r : taken) serve(of, {r});
    return;
  }
  std::lock_guard const lock(mutex_);
  if (!stands && !of.dead && (stands.error().code == errc::fenced || stands.error().code == errc::unknown_outcome)) {
    of.dead = stands.error();
    of.dead->message = fmt::format("writer {}, which several shards share, is dead: {}", options_.id, of.dead->message);
  }
  auto at = stands ? stands->begin() : offsets::iterator{};
  for (auto* r : taken) {
    if (!stands) {
      r->answer = fail(stands.error());
      continue;
    }
    const auto end = at + static_cast<std::ptrdiff_t>(r->batch.size());
    r->answer = offsets(at, end);
    at = end;
  }
}

}  // namespace weir
