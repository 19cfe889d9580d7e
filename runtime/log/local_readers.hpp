// Readers of the embedded log: one for append topics, one for compacted topics.
#pragma once

#include "runtime/log/local_store.hpp"

namespace weir::local {

// The first offset of an append partition that can be read; its end when it holds nothing.
result<std::int64_t> first_offset(local_store& store, topic_state& topic, int partition);

class append_reader final : public log_reader {
 public:
  append_reader(std::shared_ptr<local_store> store, topic_ref topic, int partition, std::int64_t from);
  result<std::vector<log_entry>> fetch(std::size_t max_bytes) override;
  std::int64_t position() const override { return position_; }

 private:
  // Finds the stored batch that holds position_, or answers false when it has come to `end`.
  result<bool> load(std::int64_t end);
  result<bool> load_next();     // by the iterator of this fetch
  result<bool> load_exactly();  // a batch that begins at position_
  status load_around();         // a batch that holds position_, or why there is none
  status hold(std::string_view stored);
  result<bool> begin(std::string_view stored);
  error corrupt(const error& found) const;
  std::unique_ptr<rocksdb::Iterator> iterate();
  status checked(const rocksdb::Status& said) const;

  std::shared_ptr<local_store> store_;
  topic_ref topic_;
  partition_state& state_;
  int partition_;
  std::int64_t position_;
  std::string lower_, upper_;  // bounds of the partition's keys
  rocksdb::Slice lower_slice_, upper_slice_;
  rocksdb::PinnableSlice held_;
  std::optional<stored_batch_cursor> cursor_;  // over held_ or, within one fetch, over scan_'s value
  std::unique_ptr<rocksdb::Iterator> scan_;    // only within one fetch: an iterator keeps dropped files on the disk
  int small_batches_ = 0;
};

class keyed_reader final : public log_reader {
 public:
  keyed_reader(std::shared_ptr<local_store> store, topic_ref topic, int partition, std::int64_t from);
  result<std::vector<log_entry>> fetch(std::size_t max_bytes) override;
  std::int64_t position() const override { return position_; }

 private:
  struct located {
    std::int64_t offset = 0;
    std::string key;
  };
  // Entries by the index of recent offsets; false when the index does not reach back to position_.
  result<bool> tail(std::int64_t end, std::size_t max_bytes, std::vector<log_entry>& out);
  // One pass over all keys: the lowest offsets from position_ on, as many as scan_bytes holds.
  status scan(std::int64_t end);
  status drain_scan(std::size_t max_bytes, std::vector<log_entry>& out);
  // Reads the values of `found` and appends those that are still the latest of their key.
  status read_values(std::span<const located> found, std::vector<log_entry>& out, std::size_t& bytes);
  std::size_t group_size(std::size_t bytes_left) const;
  status check_horizon(std::int64_t position) const;

  std::shared_ptr<local_store> store_;
  topic_ref topic_;
  partition_state& state_;
  int partition_;
  std::int64_t position_;
  bool from_start_;
  // A reader from 0 has seen no entry that a dropped tombstone could have deleted before this offset.
  std::int64_t safe_until_ = 0;
  std::vector<located> scanned_;
  std::size_t scanned_next_ = 0;
  std::int64_t scan_end_ = 0;       // the scan answers for offsets below; above, the index or another scan
  std::int64_t pass_end_ = 0;       // where this pass of the scan ends
  std::size_t usual_bytes_ = 4096;  // of one entry, to choose how many to read at once
};

}  // namespace weir::local
