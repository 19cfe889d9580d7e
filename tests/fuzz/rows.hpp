// Rows in fuzz targets: the table of every type that SQL's words are explained on, and what its rows are sent through.
#pragma once

#include "runtime/batch/column.hpp"
#include "runtime/format/record_decoder.hpp"
#include "runtime/operators/view_operator.hpp"
#include "runtime/sql/plan.hpp"

namespace weir::fuzz {

// The streams and views of words_catalog (runtime/sql/words.hpp).
const catalog& names();
// Columns of its stream t: one of every type.
schema_ptr every_type();

// Checks what every decoder promises (one row or one failure a record, columns as long as the batch, texts that are
// UTF-8, times that can be written), and answers the rows; `accepted` gets their records.
// Records that weir wrote itself, in the format that `written_by` names, must all be read.
record_batch decode_checked(record_decoder& decoder, const schema_ptr& columns, const raw_records& records,
                            raw_records* accepted = nullptr, std::string_view written_by = {});
// The same values in the same rows.
void check_same(const record_batch& a, const record_batch& b, std::string_view how);
// JSON and CSV give the same rows back.
void check_round_trips(const record_batch& rows);

// How many views evaluate() has.
std::size_t view_count();
// Sends rows of t through one view of a fixed list: every kind of view, every function between them.
void evaluate(const stamped_batch& rows, std::size_t view);
// Stamps for rows that have none: the time in the column `at`, two sources, some late.
stamped_batch stamped(const record_batch& rows);
// Runs a plan over rows that stand as the columns of its stream: process, cut, close; state that is handed out and
// taken back gives the same rows.
void run_view(const view_plan& plan, const stamped_batch& rows);

// An operator for the plan; of a plan that needs a shuffle, the half that owns the groups.
std::unique_ptr<view_operator> make_owner(const view_plan& plan);
// Closes every window and answers the rows that come out, as JSON in the order of their bytes. Rows of a state that was
// not written by an operator may hold what no record can: then only that they come out is asked for.
std::vector<std::string> close_windows(view_operator& op, bool real_state = true);

}  // namespace weir::fuzz
