// The writer of the embedded log.
#pragma once

#include "runtime/log/local_store.hpp"

namespace weir::local {

class local_writer final : public log_writer {
 public:
  local_writer(std::shared_ptr<local_store> store, std::string id, std::int64_t epoch);
  result<std::vector<std::int64_t>> commit(std::span<const log_append> batch) override;

 private:
  // Checks every entry and packs them by partition; nothing is given or written yet.
  status prepare(prepared_commit& commit);
  using part_places = std::map<std::pair<const topic_state*, int>, std::uint32_t>;
  status place(prepared_commit& commit, std::size_t at, part_places& places);

  std::shared_ptr<local_store> store_;
  std::string id_;
  std::int64_t epoch_;
  std::optional<error> dead_;
};

}  // namespace weir::local
