// A pipeline's task in one shard: rows of streams, shuffles and other pipelines' views in, epochs out.
//
// The views of a pipeline form a chain of operators. A view that groups by something else than its source is cut in
// two: the first half sends partial groups to a shuffle topic, the second half reads this shard's partition of it as a
// further input. Everything an epoch did (rows of views, late and refused rows, partials, state, positions) leaves in
// one piece by cut().
//
// A task whose pipeline replaces another says nothing that was told before (task_succession.cpp).
//
// Positions: streams by record number, shuffle and view topics by log offset. A position may stand inside a stream's
// entry (a batch that was bisected).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/shard/epoch.hpp"
#include "actors/shard/ingest.hpp"
#include "actors/shard/stream_entry.hpp"
#include "actors/shard/task_record.hpp"
#include "cluster/control_state.hpp"
#include "runtime/log/log.hpp"
#include "runtime/operators/view_operator.hpp"
#include "state/state_store.hpp"

namespace weir {

struct task_input {
  input_kind kind = input_kind::stream;
  std::string name;  // of the stream or view
  std::string topic;
  std::uint64_t position = 0;    // next record number (streams) or log offset
  std::int64_t offset_hint = 0;  // streams: an offset at or before the position
};

struct task_options {
  std::string app;
  int shard = 0, shards = 1;
  operator_limits operators;
  std::size_t fetch_bytes = std::size_t{4} << 20;
};

class task {
 public:
  task(task_options options, const planned_pipeline& pipeline, const catalog& names);
  ~task();
  task(const task&) = delete;
  task& operator=(const task&) = delete;

  // State and positions of the last commit; for a new pipeline the beginning or end of its inputs.
  status restore(state_store& store, event_log& log);
  // The same in parts, for a standby: what the store holds (false: nothing), then the changes of each whole epoch that
  // the owner has committed since, by their keys in the changelog; at last begin(), when the task is to run. `ends` is
  // asked now and then: true ends the reading, errc::cancelled.
  result<bool> load(state_store& store, const std::function<bool()>& ends = {});
  status follow(std::vector<state_change> changes);
  status begin(state_store& store);

  const std::vector<task_input>& inputs() const { return inputs_; }
  task_input* find_input(input_kind kind, std::string_view name);
  const task_input* find_input(input_kind kind, std::string_view name) const;
  // Where a predecessor stood in this input; before that the input is read from the log only. 0: there was none.
  std::uint64_t catch_up(const task_input& input) const;

  // From memory; the batch must begin at the input's position (PROTOCOL 2). Consumes it whole.
  status process(const ingested_batch& batch);
  // From the log: reads on where the input stands and processes what comes, at most about `max_bytes`, and of a stream
  // at most `max_records` records (which may end inside an entry). Answers how many bytes that were; 0: nothing there.
  result<std::size_t> read_on(task_input& input, event_log& log, std::size_t max_bytes,
                              std::uint64_t max_records = ~std::uint64_t{0});
  // Leaves out the next record of a stream and puts it among the stream's dead letters (PROTOCOL 9); 0 while the log
  // does not show it.
  result<std::size_t> skip_poison(task_input& input, event_log& log, std::string_view reason, std::int64_t now_us);

  bool dirty() const { return dirty_; }
  // The open epoch holds records, groups or rows: somebody may wait for it. False when only time went on.
  bool urgent() const { return urgent_; }
  std::size_t open_bytes() const { return open_.bytes; }
  result<epoch> cut();

  std::uint64_t records() const { return records_; }
  std::size_t state_bytes() const;
  // Views whose topics this task writes, with the clock that their readers see.
  std::map<std::string, clock_state> view_clocks() const;

 private:
  struct node;
  struct stream_reader;
  struct view_reader;
  struct log_input;

  void build(const planned_pipeline& pipeline, const catalog& names);
  void build_stream_reader(const stream_definition& stream);
  status start_positions(state_store& store, event_log& log);
  status start_of_stream(task_input& input, state_store& store, event_log& log);
  status restore_entry(std::string_view key, std::string_view value);
  void forget_entry(std::string_view key);
  status take_record(std::string_view value);
  task_record make_record() const;

  status process_rows(const std::vector<node*>& nodes, stamped_batch rows, const std::vector<std::size_t>& place);
  status process_node(node& n, const stamped_batch& input);
  status advance_nodes(const std::vector<node*>& nodes, const time_progress& progress);
  status advance_node(node& n, const time_progress& progress);
  status advance_operator(node& n, const time_progress& progress);
  status emit(node& n, operator_output& out);
  status pass_on(node& n, stamped_batch rows, bool told);
  void write_rows(node& n, const operator_output& out, std::size_t first);
  void write_refused(const std::string& topic, const std::vector<refused_row>& rows, std::size_t first);
  void write_clocks(node& n);
  void append(owned_append a);

  result<bool> process_stream_entry(task_input& input, log_entry& stored, std::uint64_t& records_left);
  status process_shuffle_entry(node& n, const log_entry& stored);
  status process_view_entry(task_input& input, const log_entry& stored);
  result<record_batch> decode_rows(view_reader& reader, const raw_records& texts);
  status cut_node(node& n);
  result<log_input*> open_input(task_input& input, event_log& log);
  result<bool> fetch_more(task_input& input, log_input& in, std::size_t max_bytes);

  // --- in the place of another (task_succession.cpp) ---
  bool replaces() const;
  status inherit(state_store& store);
  status succeed(const task_record& was, state_store& store);
  std::uint64_t next_told_end(const task_input& input) const;
  bool is_told(const node& n) const;
  bool input_abreast(const node& n) const;
  bool abreast(const node& n) const;
  void tell_abreast(node& n);
  status end_silence();
  status state_table(node& n);
  result<operator_output> standing_rows(const node& n);
  result<stamped_batch> seen_rows(std::string_view view);

  task_options options_;
  pipeline_record record_;
  std::string prefix_;                        // of state keys
  std::vector<std::unique_ptr<node>> nodes_;  // in the order of the file: inputs before readers
  std::vector<task_input> inputs_;
  std::map<std::string, std::unique_ptr<stream_reader>, std::less<>> streams_;
  std::map<std::string, std::unique_ptr<view_reader>, std::less<>> views_;
  std::map<std::string, std::unique_ptr<log_input>> logs_;  // by topic
  state_store* store_ = nullptr;                            // since restore()
  input_positions catch_up_;
  const task_input* now_ = nullptr;  // whose rows or time go through the views now; none: a shuffle's, or a cut's
  std::uint64_t now_end_ = 0;        // its position behind them
  bool told_rows_ = false;           // the rows that go through the views now come of rows that were told
  epoch open_;
  std::uint64_t records_ = 0;
  bool dirty_ = false;
  bool urgent_ = false;
};

}  // namespace weir
