#include "actors/newest_entries.hpp"

#include <algorithm>

#include "actors/opaque_token.hpp"
#include "runtime/excerpt.hpp"
#include "runtime/operators/byte_codec.hpp"

namespace weir {

namespace {

constexpr char page_token = 'p';
constexpr std::size_t fetch_bytes = std::size_t{1} << 20;
constexpr std::size_t small_window = std::size_t{128} << 10, large_window = std::size_t{2} << 20;  // bytes
constexpr std::int64_t step_max = 1 << 20;

}  // namespace

result<const log_entry*> entries_back::peek() {
  while (window_.empty()) {
    const auto before = before_;
    WEIR_TRY_VOID(read_window());
    if (window_.empty() && before_ == before) return nullptr;
  }
  return &window_.front();
}

status entries_back::read_window() {
  WEIR_TRY(bounds, log_.bounds(topic_, partition_));
  before_ = std::min(before_, bounds.end);
  WEIR_TRY(from, log_.begin_of(topic_, partition_, std::max(bounds.start, before_ - step_)));
  if (from >= before_) return {};
  auto reader = log_.read(topic_, partition_, from);
  if (!reader && reader.error().code == errc::offset_out_of_range) return {};  // retention has just passed it
  if (!reader) return fail(std::move(reader).error());
  std::size_t bytes = 0;
  for (bool more = true; more;) {
    WEIR_TRY(entries, (*reader)->fetch(fetch_bytes));
    more = !entries.empty();
    for (auto& e : entries) {
      if (e.offset >= before_) {
        more = false;
        break;
      }
      bytes += e.header.size() + (e.value ? e.value->size() : 0);
      window_.push_front(std::move(e));
    }
  }
  before_ = from;
  if (bytes < small_window) step_ = std::min(step_ * 4, step_max);
  if (bytes > large_window) step_ = std::max<std::int64_t>(step_ / 4, 1);
  return {};
}

std::string to_page_token(std::string_view topic, const back_positions& at) {
  std::string bytes;
  put_bytes(bytes, topic);
  put_varint(bytes, at.size());
  for (const auto offset : at) put_zigzag(bytes, offset);
  return to_token(page_token, bytes);
}

result<back_positions> from_page_token(std::string_view topic, int partitions, std::string_view token) {
  const auto bytes = from_token(page_token, token);
  byte_reader r(bytes ? std::string_view(*bytes) : std::string_view());
  const auto of = r.bytes();
  const auto count = r.varint();
  back_positions out;
  if (r.ok() && count == static_cast<std::uint64_t>(partitions))
    for (int i = 0; i < partitions; ++i) out.push_back(r.zigzag());
  if (bytes && r.ok() && r.at_end() && of == topic && out.size() == static_cast<std::size_t>(partitions)) return out;
  return with_hint(fail(errc::invalid_argument, "{} is no position in this list", quoted_excerpt(token)),
                   "give `after` what the page before answered as `next`, of the same list");
}

result<back_positions> ends_of(event_log& log, std::string_view topic, int partitions) {
  back_positions out;
  for (int i = 0; i < partitions; ++i) {
    WEIR_TRY(bounds, log.bounds(topic, i));
    out.push_back(bounds.end);
  }
  return out;
}

}  // namespace weir
