// Committed rows of a view on their way to its followers. Followers at the same place are given the same rows, and what
// is made of them (messages, their text) is made once for all.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace weir {

// One committed row (or deletion) of a view.
struct live_row {
  enum class kind : std::uint8_t { row, deleted };
  kind what = kind::row;
  int shard = 0;
  std::int64_t offset = 0;
  std::shared_ptr<const std::string> json;  // the row as a JSON object; for deletions an object of the key columns
};

// What one message says. Deletions come before rows: a batch in which a key is deleted after it was written is cut
// there.
struct live_batch {
  std::uint64_t shed = 0;  // rows that were skipped just before this
  std::vector<live_row> deleted, rows;
  std::string token;    // resumes after this batch; empty: there is more of the same read to come
  std::string members;  // {"shed":n,"deleted":[...],"rows":[...],"token":"..."} without the outer braces
};
using live_batch_ptr = std::shared_ptr<const live_batch>;

// What a cursor reads at a time; copies share everything.
class live_rows {
 public:
  live_rows() = default;
  // `token` resumes behind them.
  live_rows(std::vector<live_row> rows, std::string token)
      : shared_(std::make_shared<shared>(std::move(rows), std::move(token))) {}

  bool empty() const { return size() == 0; }
  std::size_t size() const { return shared_ ? shared_->rows.size() : 0; }
  auto begin() const { return all().begin(); }
  auto end() const { return all().end(); }
  const live_row& operator[](std::size_t i) const { return shared_->rows[i]; }
  const std::string& token() const { return shared_->token; }  // of rows that are not empty

  // The messages that `cut` makes of them; it is called once, for whoever asks first.
  using cutter = std::function<std::vector<live_batch_ptr>(const live_rows&)>;
  const std::vector<live_batch_ptr>& batches(const cutter& cut) const {
    std::call_once(shared_->once, [&] { shared_->batches = cut(*this); });
    return shared_->batches;
  }

 private:
  struct shared {
    shared(std::vector<live_row> r, std::string t) : rows(std::move(r)), token(std::move(t)) {}
    const std::vector<live_row> rows;
    const std::string token;
    std::once_flag once;
    std::vector<live_batch_ptr> batches;
  };
  const std::vector<live_row>& all() const {
    static const std::vector<live_row> none;
    return shared_ ? shared_->rows : none;
  }

  std::shared_ptr<shared> shared_;
};

}  // namespace weir
