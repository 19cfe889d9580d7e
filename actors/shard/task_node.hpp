// The inside of a task: one view's operators and how its input is cut to their shape. For task*.cpp only.
#pragma once

#include <deque>

#include "actors/shard/task.hpp"
#include "actors/shard/topic_output.hpp"

namespace weir {

// Header of an entry in a view's or shuffle's topic: rows and partials ('r', 'p'), clocks ('w'), tombstones ('r'), and
// that a shard's task has come abreast of the one that it replaced ('a').
inline constexpr char entry_row = 'r', entry_partial = 'p', entry_clock = 'w', entry_abreast = 'a';
// Keys in view topics: rows and clocks share the compacted topic.
inline constexpr char key_row = 'k', key_clock = 'w';

struct task::node {
  view_plan plan;
  std::unique_ptr<partial_operator> partial;  // first half of a shuffled view
  std::unique_ptr<view_operator> op;          // the view, or its second half
  merging_operator* merging = nullptr;        // op, when the view is shuffled
  node* input = nullptr;                      // the view of this pipeline that it reads; none: it reads something else
  std::vector<node*> readers;                 // views of this pipeline that read this one
  std::string topic, late_topic, refused_topic, shuffle_topic;
  std::unique_ptr<topic_output> output;  // to a topic that others read; none: the view has none

  clock_state out_clock, written_out_clock;          // what readers of the view see
  clock_state partial_clock, written_partial_clock;  // what this shard tells the owners of the groups
  std::vector<clock_state> shard_clocks;             // heard through the shuffle, by shard

  std::optional<told_mark> told;  // by a predecessor; none: nothing (any more)
  bool abreast_sent = false;      // the owners of the groups know that this shard has passed its predecessor
  std::vector<bool> abreast;      // heard through the shuffle, by shard; empty: there was no predecessor
};

// How a pipeline reads a stream: only the columns that its views need.
struct task::stream_reader {
  stream_definition definition;
  schema_ptr columns;
  std::vector<std::size_t> place;  // of a stream's column in `columns`
  std::map<std::string, std::unique_ptr<record_decoder>> decoders;
  std::vector<node*> nodes;
};

struct task::log_input {
  std::unique_ptr<log_reader> reader;
  std::deque<log_entry> pending;  // fetched, not yet processed
};

// What another pipeline's view looks like from here.
struct task::view_reader {
  view_plan plan;
  std::unique_ptr<record_decoder> decoder;
  std::map<std::string, std::string> rows;  // of an upsert view: its rows as last seen, to take them back
  std::vector<node*> nodes;
};

// The rows of a view's input in the shape that its expressions are bound to. place[i]: where column i of the input's
// schema stands in `input.rows`; empty: in its own place.
stamped_batch bind_input(const view_plan& plan, stamped_batch input, const std::vector<std::size_t>& place);
// The clock that readers of a view see, when its input's is `c`: a window's row has the event time window_end - 1 ms.
clock_state output_clock(const view_plan& plan, const clock_state& c);
clock_state least(const std::vector<clock_state>& clocks);

result<clock_state> read_clock(std::string_view bytes);

struct row_header {
  char kind = entry_row;
  std::string_view source;
  std::uint64_t sequence = 0;
  std::uint8_t late = 0;
};
std::string encode_row_header(const row_header& h);
result<row_header> decode_row_header(std::string_view header);

}  // namespace weir
