// A view's second topic: its rows in a format that others read, written in the same transaction as everything else of
// their epoch. The key is the row's key columns in the same format (of a table with one row: the view's name), and a
// row that is gone is a tombstone of its key. Partition i holds what shard i writes, so the rows of a key keep their
// order.
#pragma once

#include <memory>
#include <string_view>

#include "actors/shard/epoch.hpp"
#include "runtime/sql/view_topic.hpp"

namespace weir {

class topic_output {
 public:
  // None for a view without such a topic.
  static result<std::unique_ptr<topic_output>> make(const view_plan& plan, int shard);

  // The key columns of rows, once per batch for what follows.
  record_batch keys_of(const record_batch& rows) const;
  owned_append row(const record_batch& rows, const record_batch& keys, std::size_t i) const;
  owned_append tombstone(const record_batch& keys, std::size_t i) const;
  // The same for a row that only stands in the table, as JSON.
  result<owned_append> tombstone(std::string_view row_json);

 private:
  topic_output(const view_plan& plan, int shard) : plan_(plan), shard_(shard) {}
  owned_append empty(const record_batch& keys, std::size_t i) const;

  const view_plan& plan_;
  int shard_;
  schema_ptr key_schema_;
  topic_encoders encode_;
  std::unique_ptr<record_decoder> decoder_;  // of rows in the table; made when it is first needed
};

}  // namespace weir
