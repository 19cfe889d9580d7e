// The topic `<app>.control` and the state that its records fold into (DESIGN §6).
//
//   command ──check against plan()──> records ──append(): one transaction──> <app>.control ──poll()──> plan()
//
// The state moves from the end of one transaction to the end of another, never to the middle of one. Used by one thread
// at a time; the snapshots that it hands out may be read by any.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "cluster/control_state.hpp"
#include "runtime/log/log.hpp"

namespace weir {

class control_log {
 public:
  // Makes the topic where there is none, opens its writer (fencing an older one) and folds to the end.
  static result<std::unique_ptr<control_log>> open(event_log& log, std::string app);

  // All records in one transaction, then folds to it. Answers the offset of the last. Nodes that share a deployment
  // share the writer's id, so whoever opens it fences the others: what was checked against plan() and stands was true
  // when it was written. Errors:
  //   unavailable      nothing stands, and others may have written meanwhile: check the command again against the plan
  //   unknown_outcome  the log does not answer; it may stand or not, poll() shows it once the log answers again
  // and those of log_writer::commit.
  result<std::int64_t> append(const std::vector<control_record>& records);

  // Folds in what was written since, by anyone; true when the state changed.
  result<bool> poll();

  std::shared_ptr<const control_plan> plan() const { return plan_; }
  std::shared_ptr<const control_state> state() const { return {plan_, &plan_->state}; }

 private:
  control_log(event_log& log, std::string app) : log_(log), app_(std::move(app)) {}

  result<bool> read_to_end();
  result<bool> read_patiently();
  status fold_up_to(std::int64_t offset);
  status fold(const std::vector<log_entry>& entries);
  status publish();
  result<std::int64_t> commit(const std::vector<control_record>& records);
  result<std::int64_t> resolve(const std::vector<control_record>& records);

  event_log& log_;
  std::string app_;
  std::unique_ptr<log_reader> reader_;
  std::unique_ptr<log_writer> writer_;
  control_state folded_;          // of every entry read; ahead of plan_ only while a read is under way
  std::vector<log_entry> since_;  // entries read since the transaction that is being decided began
  bool recording_ = false;
  std::shared_ptr<const control_plan> plan_;
};

}  // namespace weir
