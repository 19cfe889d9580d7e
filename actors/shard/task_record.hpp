// What a task keeps of itself with every commit: where it stands, what its readers have heard, and what was told before
// it by the pipelines that it replaced.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/operators/byte_codec.hpp"
#include "runtime/operators/view_operator.hpp"
#include "runtime/result.hpp"
#include "state/state_store.hpp"

namespace weir {

enum class input_kind : std::uint8_t { stream, shuffle, view };

// By the topic of an input: the next record number (streams) or log offset.
using input_positions = std::map<std::string, std::uint64_t, std::less<>>;

// Up to where a view's rows were told by its predecessors, in one shard (PROTOCOL 10).
struct told_mark {
  input_positions positions;  // what comes of anything before them
  clock_state clock;          // behind a shuffle: the windows that it closes

  bool operator==(const told_mark&) const = default;
};

struct task_record {
  struct input {
    input_kind kind = input_kind::stream;
    std::string name;  // of the stream or view
    std::uint64_t position = 0;
    std::int64_t offset_hint = 0;

    bool operator==(const input&) const = default;
  };
  struct view {
    std::string name;
    clock_state written_out, written_partial, out;
    std::vector<clock_state> shard_clocks;
    bool abreast_sent = false;
    std::vector<bool> abreast;
    std::optional<told_mark> told;

    bool operator==(const view&) const = default;
  };
  std::vector<input> inputs;
  std::vector<view> views;
  input_positions catch_up;  // where the predecessor stood; empty: passed, or there was none

  bool operator==(const task_record&) const = default;
};

void put_clock(std::string& out, const clock_state& c);
clock_state take_clock(byte_reader& in);

std::string encode_task_record(const task_record& r);
// errc::corrupt when the bytes are none.
result<task_record> decode_task_record(std::string_view bytes);

// Deletes everything that stands under a pipeline's prefix (state/state_key.hpp). Answers its task's record, empty when
// there is none.
result<std::string> remove_state(state_store& store, int shard, const std::string& prefix,
                                 std::vector<state_change>& changes);

}  // namespace weir
