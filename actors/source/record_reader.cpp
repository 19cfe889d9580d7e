#include "actors/source/record_reader.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/batch/key_codec.hpp"

namespace weir {
namespace {

constexpr std::size_t block_size = 256 << 10;   // content read at a time
constexpr std::size_t context_block = 4 << 10;  // the same, in search of a header
constexpr std::size_t pull_budget = 64 << 20;   // content one read() passes over or frames at most

std::string hash_of(std::string_view context) {
  return context.empty() ? std::string() : fmt::format("{:016x}", stable_hash(context));
}

std::size_t byte_count(const source_chunk& chunk) {
  std::size_t bytes = chunk.records.byte_count();
  for (const auto& failure : chunk.failures) bytes += failure.bytes.size();
  return bytes;
}

std::size_t record_count(const source_chunk& chunk) { return chunk.records.size() + chunk.failures.size(); }

}  // namespace

result<std::unique_ptr<record_reader>> record_reader::open(file_handle handle, std::string path,
                                                           const format_spec& format, std::size_t max_record_bytes,
                                                           const file_progress* resume) {
  std::unique_ptr<record_reader> reader(new record_reader(std::move(handle), std::move(path)));
  if (resume != nullptr && resume->bytes > 0) {
    WEIR_TRY_VOID(reader->resume_at(format, max_record_bytes, *resume));
    return reader;
  }
  WEIR_TRY(fresh, make_framer(format, max_record_bytes, {}));
  reader->framer_ = std::move(fresh);
  return reader;
}

status record_reader::resume_at(const format_spec& format, std::size_t max_record_bytes, const file_progress& from) {
  std::string context;
  if (!from.context_hash.empty()) {
    WEIR_TRY(read_again, read_context(format, max_record_bytes, from.bytes));
    context = std::move(read_again);
    if (hash_of(context) != from.context_hash) {
      return fail(errc::conflict, "{}: the header is not the one that the first {} bytes were read with",
                  escape_name(path_), from.bytes);
    }
  }
  if (!from.tail_hash.empty()) {
    WEIR_TRY(now, input_.tail_hash(from.bytes));
    WEIR_TRY(state, input_.state());
    if (state.size >= from.bytes && now != from.tail_hash) {
      return fail(errc::conflict,
                  "{} was written anew: the bytes before {}, which were already read, differ now "
                  "(size {})",
                  escape_name(path_), from.bytes, state.size);
    }
  }
  base_ = from.bytes;
  WEIR_TRY(there, input_.skip_to(base_, 0));
  skip_to_ = there ? 0 : base_;
  WEIR_TRY(framing, make_framer(format, max_record_bytes, context, false));
  framer_ = std::move(framing);
  return {};
}

// The header stands at the file's start, before everything that was read.
result<std::string> record_reader::read_context(const format_spec& format, std::size_t max_record_bytes,
                                                std::uint64_t read_bytes) const {
  WEIR_TRY(framing, make_framer(format, max_record_bytes, {}));
  input_file start(handle_.fd(), path_);
  std::string block;
  raw_records records;
  std::vector<frame_failure> failures;
  while (!framing->context_ready() && start.offset() < read_bytes) {
    block.clear();
    WEIR_TRY(n, start.read(block, context_block));
    if (n == 0) break;
    for (std::size_t at = 0; at < block.size() && !framing->context_ready();) {
      const std::size_t end = std::min(block.find('\n', at), block.size() - 1) + 1;
      framing->feed(std::string_view(block).substr(at, end - at), records, failures);
      at = end;
    }
  }
  return std::string(framing->context());
}

bool record_reader::full(const pull_limits& limits, const source_chunk& chunk) const {
  const std::size_t count = record_count(chunk);
  const std::size_t held = fed_ - framer_->consumed();  // of a record that has begun
  return count >= std::max<std::size_t>(1, limits.max_records) ||
         (count > 0 && byte_count(chunk) + held >= limits.max_bytes);
}

// How much of the block the framer may see: no more lines than records are wanted, since a record takes at least a
// line; and no more bytes than are wanted, unless the first record needs them.
std::string_view record_reader::next_piece(const pull_limits& limits, const source_chunk& chunk) const {
  const std::string_view rest = std::string_view(block_).substr(block_at_);
  const std::size_t held = fed_ - framer_->consumed();
  const std::size_t used = byte_count(chunk) + held;
  std::size_t room = limits.max_bytes > used ? limits.max_bytes - used : 0;
  std::size_t lines = std::max<std::size_t>(1, limits.max_records) - record_count(chunk);
  if (room == 0) {
    room = rest.size();
    lines = 1;
  }
  std::size_t end = 0;
  for (; lines > 0 && end < room; --lines) {
    const auto newline = rest.find('\n', end);
    end = newline == std::string_view::npos ? rest.size() : newline + 1;
    if (end >= rest.size()) break;
  }
  return rest.substr(0, std::min(end, room));
}

// False: nothing more stands in the file now.
result<bool> record_reader::fill() {
  block_.clear();
  block_at_ = 0;
  if (waited_) {
    WEIR_TRY_VOID(input_.still_the_same());
    WEIR_TRY(state, input_.state());
    if (state.size == input_.file_offset()) return false;
  }
  WEIR_TRY(n, input_.read(block_, block_size));
  waited_ = n == 0;
  if (waited_) std::string().swap(block_);  // ten thousand sources may wait for more
  return n > 0;
}

result<record_reader::reached> record_reader::read(const pull_limits& limits, source_chunk& chunk) {
  if (skip_to_ > 0) {
    WEIR_TRY(there, input_.skip_to(skip_to_, pull_budget));
    if (!there) return reached::limit;
    skip_to_ = 0;
  }
  const std::size_t before = record_count(chunk);
  for (std::size_t budget = pull_budget; budget > 0 && !full(limits, chunk);) {
    if (block_at_ == block_.size()) {
      const auto more = fill();
      if (!more && record_count(chunk) > before) break;  // the same error comes again with the next read
      if (!more) return fail(more.error());
      if (!*more) return reached::end;
    }
    const auto piece = next_piece(limits, chunk);
    framer_->feed(piece, chunk.records, chunk.failures);
    fed_ += piece.size();
    block_at_ += piece.size();
    budget -= std::min(budget, piece.size());
    if (!framer_->context_ready() && !chunk.failures.empty()) {
      chunk.failures.clear();  // without its header every record of the file would be one
      return fail(errc::limit_exceeded, "{}: the header line is longer than a record may be (max_record)",
                  escape_name(path_));
    }
  }
  return reached::limit;
}

status record_reader::finish(source_chunk& chunk) {
  if (input_.cut_short()) return input_.cut_short_error();
  WEIR_TRY(state, input_.state());
  if (state.size < input_.file_offset()) WEIR_TRY_VOID(input_.still_the_same());
  framer_->finish(chunk.records, chunk.failures);
  return {};
}

result<file_progress> record_reader::progress() {
  WEIR_TRY(state, input_.state());
  file_progress now;
  now.device = state.device;
  now.inode = state.inode;
  now.size = state.size;
  now.modified_us = state.modified_us;
  if (!framer_->context_ready()) return now;  // whatever stands before the header is read again
  now.bytes = base_ + framer_->consumed();
  now.context_hash = hash_of(framer_->context());
  if (!input_.compressed() && now.bytes > 0) {
    WEIR_TRY(tail, input_.tail_hash(now.bytes));
    now.tail_hash = std::move(tail);
  }
  return now;
}

int record_reader::percent() const {
  const auto state = input_.state();
  if (!state || state->size == 0) return 100;
  const std::uint64_t at = input_.file_offset() - (input_.compressed() ? 0 : block_.size() - block_at_);
  return static_cast<int>(std::min<std::uint64_t>(100, at * 100 / state->size));
}

}  // namespace weir
