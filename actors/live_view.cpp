#include "actors/live_view.hpp"

#include "actors/opaque_token.hpp"
#include "runtime/excerpt.hpp"
#include "runtime/operators/byte_codec.hpp"

namespace weir {

namespace {

constexpr char live_token = 'l';
constexpr std::size_t fetch_bytes = std::size_t{128} << 10;

tl::unexpected<error> begin_anew(tl::unexpected<error> e) {
  return with_hint(std::move(e), "begin anew: read the view's rows, then follow it from now");
}

}  // namespace

live_view::live_view(live_view_source from, const view_plan& plan, std::uint64_t incarnation)
    : from_(std::move(from)), plan_(plan), incarnation_(incarnation), lanes_(static_cast<std::size_t>(from_.shards)) {}

live_view::~live_view() {
  if (follower_ != 0) from_.hub.forget(follower_);
}

result<std::unique_ptr<live_cursor>> live_view::open(live_view_source from, const view_plan& plan,
                                                     std::uint64_t incarnation, std::string_view token) {
  std::unique_ptr<live_view> out(new live_view(std::move(from), plan, incarnation));
  WEIR_TRY_VOID(out->start(token));
  return std::unique_ptr<live_cursor>(std::move(out));
}

status live_view::start(std::string_view token) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    WEIR_TRY(bounds, from_.log.bounds(from_.feed->topic(), static_cast<int>(i)));
    // A compacted topic may be read from 0 at any time, whatever has been replaced.
    const auto first = plan_.kind == view_kind::upsert ? 0 : bounds.start;
    lanes_[i].position = token.empty() ? bounds.end : first;
    lanes_[i].end_at_open = bounds.end;
  }
  if (token.empty()) return {};
  if (token != "start") WEIR_TRY_VOID(resume(token));
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    auto reader = from_.log.read(from_.feed->topic(), static_cast<int>(i), lanes_[i].position);
    if (!reader && reader.error().code == errc::offset_out_of_range) return begin_anew(fail(std::move(reader).error()));
    if (!reader) return fail(std::move(reader).error());
    lanes_[i].reader = std::move(*reader);
  }
  return {};
}

status live_view::resume(std::string_view token) {
  const auto bytes = from_token(live_token, token);
  byte_reader r(bytes ? std::string_view(*bytes) : std::string_view());
  const auto view = r.bytes();
  const auto incarnation = r.varint();
  const auto count = r.varint();
  if (!bytes || !r.ok() || view != plan_.name || count != lanes_.size())
    return with_hint(fail(errc::invalid_argument, "{} is no token of view {}", quoted_excerpt(token), plan_.name),
                     "give the token of this view's last message, start, or now");
  for (auto& l : lanes_) l.position = r.zigzag();
  if (!r.ok() || !r.at_end())
    return fail(errc::invalid_argument, "{} is no token of view {}", quoted_excerpt(token), plan_.name);
  if (incarnation != incarnation_)
    return begin_anew(fail(errc::offset_out_of_range, "view {} was made anew since this token", plan_.name));
  return {};
}

std::string live_view::token() const {
  std::string bytes;
  put_bytes(bytes, plan_.name);
  put_varint(bytes, incarnation_);
  put_varint(bytes, lanes_.size());
  for (const auto& l : lanes_) put_zigzag(bytes, l.position);
  return to_token(live_token, bytes);
}

live_place live_view::place() const {
  live_place out{{}, turn_};
  for (const auto& l : lanes_) out.positions.push_back(l.position);
  return out;
}

void live_view::go_to(const live_place& place) {
  turn_ = place.turn;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    auto& l = lanes_[i];
    if (l.position == place.positions[i]) continue;
    l.position = place.positions[i];
    l.reader.reset();
    l.fetched.clear();
  }
}

result<live_rows> live_view::next(std::size_t max_rows) {
  if (!woken_.exchange(false)) return live_rows();
  WEIR_TRY(rows, read_on(place(), max_rows));
  const bool read_all = rows.empty() || (rows.size() < max_rows && more_behind() == live_hub::more::no);
  if (!read_all || follower_ == 0) woken_ = true;
  return rows;
}

live_hub::more live_view::more_behind() const { return from_.hub.behind(from_.feed->topic(), place().positions); }

result<live_rows> live_view::read_on(live_place from, std::size_t max_rows) {
  if (auto given = from_.feed->given_at(from, max_rows)) {
    go_to(given->behind);
    return std::move(given->rows);
  }
  auto rows = read(max_rows);
  const bool waits = !rows && rows.error().code == errc::unavailable;
  if (!rows && !waits) return fail(std::move(rows).error());
  if (waits || (rows->empty() && more_behind() == live_hub::more::yes)) from_.hub.wake_again(follower_);
  if (waits || rows->empty()) return live_rows();
  live_rows out(std::move(*rows), token());
  from_.feed->keep(std::move(from), {out, place()});
  return out;
}

// Who has read all that there is stands where everyone does who has: at the first partition's turn.
result<std::vector<live_row>> live_view::read(std::size_t max_rows) {
  std::vector<live_row> out;
  for (std::size_t silent = 0; silent < lanes_.size() && out.size() < max_rows;) {
    const auto shard = static_cast<int>(turn_);
    const auto filled = fill(shard);
    if (!filled && !out.empty()) return out;  // it fails again
    WEIR_TRY(any, filled);
    while (any && !lanes_[turn_].fetched.empty() && out.size() < max_rows) {
      if (auto row = take(shard)) out.push_back(std::move(*row));
    }
    silent = any ? 0 : silent + 1;
    if (out.size() < max_rows) turn_ = (turn_ + 1) % lanes_.size();
    if (silent == lanes_.size()) turn_ = 0;
  }
  return out;
}

result<bool> live_view::fill(int shard) {
  auto& l = lanes_[static_cast<std::size_t>(shard)];
  if (!l.fetched.empty()) return true;
  auto shared = from_.feed->read(shard, l.position);
  if (!shared && shared.error().code == errc::offset_out_of_range) return begin_anew(fail(std::move(shared).error()));
  if (!shared) return fail(std::move(shared).error());
  if (*shared) {
    l.reader.reset();
    l.fetched.assign(std::make_move_iterator((*shared)->begin()), std::make_move_iterator((*shared)->end()));
  } else {
    WEIR_TRY_VOID(read_log(shard));
  }
  return !l.fetched.empty();
}

status live_view::read_log(int shard) {
  auto& l = lanes_[static_cast<std::size_t>(shard)];
  const auto failed = [](error e) -> status {
    return e.code == errc::offset_out_of_range ? begin_anew(fail(std::move(e))) : fail(std::move(e));
  };
  if (!l.reader) {
    auto reader = from_.log.read(from_.feed->topic(), shard, l.position);
    if (!reader) return failed(std::move(reader).error());
    l.reader = std::move(*reader);
  }
  auto entries = l.reader->fetch(fetch_bytes);
  if (!entries) return failed(std::move(entries).error());
  for (auto& e : *entries) {
    WEIR_TRY(entry, live_entry_of(plan_, std::move(e)));
    l.fetched.push_back(std::move(entry));
  }
  return {};
}

// None for what is no row.
std::optional<live_row> live_view::take(int shard) {
  auto& l = lanes_[static_cast<std::size_t>(shard)];
  auto entry = std::move(l.fetched.front());
  l.fetched.pop_front();
  l.position = entry.offset + 1;
  if (!entry.json) return std::nullopt;
  return live_row{entry.what, shard, entry.offset, std::move(entry.json)};
}

std::uint64_t live_view::backlog() const {
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    const auto end = from_.feed->end(static_cast<int>(i));
    const auto read = std::max(lanes_[i].position, lanes_[i].end_at_open);
    if (end > read) out += static_cast<std::uint64_t>(end - read);
  }
  return out;
}

std::uint64_t live_view::skip_to_end() {
  std::uint64_t skipped = 0;
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    auto& l = lanes_[i];
    const auto bounds = from_.log.bounds(from_.feed->topic(), static_cast<int>(i));
    if (!bounds || bounds->end <= l.position) continue;
    skipped += static_cast<std::uint64_t>(bounds->end - l.position);
    l.position = bounds->end;
    l.reader.reset();
    l.fetched.clear();
  }
  return skipped;
}

void live_view::on_more(std::function<void()> wake) {
  if (follower_ != 0) from_.hub.forget(follower_);
  follower_ = from_.hub.follow(from_.feed->topic(), [this, wake = std::move(wake)] {
    woken_ = true;
    wake();
  });
}

}  // namespace weir
