#include "runtime/log/local_log.hpp"

#include <chrono>

#include "runtime/log/local_keys.hpp"
#include "runtime/log/local_readers.hpp"
#include "runtime/log/local_store.hpp"
#include "runtime/log/local_writer.hpp"
#include "runtime/log/log_checks.hpp"

namespace weir {

namespace {

constexpr std::size_t largest_entry = (16U << 20) + (64U << 10);
constexpr std::size_t largest_commit = 1U << 30;
constexpr std::size_t largest_batch = 16U << 20;

class local_log final : public event_log {
 public:
  explicit local_log(std::shared_ptr<local::local_store> store) : store_(std::move(store)) {}

  status create_topic(const topic_config& config) override { return store_->create_topic(config); }
  status drop_topic(std::string_view name) override { return store_->drop_topic(name); }
  result<std::vector<topic_config>> topics() override { return store_->topics(); }
  result<log_bounds> bounds(std::string_view topic, int partition) override;
  result<std::unique_ptr<log_reader>> read(std::string_view topic, int partition, std::int64_t from) override;
  result<std::int64_t> begin_of(std::string_view topic, int partition, std::int64_t offset) override;
  result<std::unique_ptr<log_writer>> open_writer(std::string_view id) override;
  std::size_t max_entry_bytes() const override { return store_->options().max_entry_bytes; }

 private:
  result<local::topic_ref> find(std::string_view topic, int partition) const;
  result<log_bounds> bounds_of(local::topic_state& topic, int partition) const;

  std::shared_ptr<local::local_store> store_;
};

result<local::topic_ref> local_log::find(std::string_view topic, int partition) const {
  auto found = store_->find(topic);
  if (!found || partition < 0 || partition >= found->config.partitions) {
    return fail(no_such_partition(topic, partition));
  }
  return found;
}

result<log_bounds> local_log::bounds_of(local::topic_state& topic, int partition) const {
  auto const& state = topic.partitions[static_cast<std::size_t>(partition)];
  if (topic.config.kind == topic_kind::compacted) return log_bounds{state.horizon.load(), state.end.load()};
  WEIR_TRY(start, local::first_offset(*store_, topic, partition));
  return log_bounds{start, state.end.load()};
}

result<log_bounds> local_log::bounds(std::string_view topic, int partition) {
  WEIR_TRY(found, find(topic, partition));
  return bounds_of(*found, partition);
}

result<std::unique_ptr<log_reader>> local_log::read(std::string_view topic, int partition, std::int64_t from) {
  WEIR_TRY(found, find(topic, partition));
  bool const compacted = found->config.kind == topic_kind::compacted;
  if (!compacted || from != 0) {
    WEIR_TRY_VOID(found->partitions[static_cast<std::size_t>(partition)].jumps.check(topic, partition, from));
    WEIR_TRY(held, bounds_of(*found, partition));
    WEIR_TRY_VOID(check_position(topic, partition, held, from));
  }
  if (compacted) return std::make_unique<local::keyed_reader>(store_, std::move(found), partition, from);
  return std::make_unique<local::append_reader>(store_, std::move(found), partition, from);
}

result<std::int64_t> local_log::begin_of(std::string_view topic, int partition, std::int64_t offset) {
  WEIR_TRY(found, find(topic, partition));
  return found->partitions[static_cast<std::size_t>(partition)].jumps.begin_of(offset);
}

result<std::unique_ptr<log_writer>> local_log::open_writer(std::string_view id) {
  WEIR_TRY_VOID(check_writer_id(id));
  std::string owned(id);
  WEIR_TRY(epoch, store_->open_writer(owned));
  return std::make_unique<local::local_writer>(store_, std::move(owned), epoch);
}

template <class T>
status check_range(std::string_view name, T value, T least, T most) {
  if (value >= least && value <= most) return {};
  return fail(errc::invalid_argument, "embedded log: {} is {}; write {} to {}", name, value, least, most);
}

status check_options(const local_log_options& options) {
  constexpr std::int64_t many = std::int64_t{1} << 40;
  if (options.path.empty()) return fail(errc::invalid_argument, "embedded log: the path is empty; write a folder");
  WEIR_TRY_VOID(check_range<std::size_t>("max_entry_bytes", options.max_entry_bytes, 1024, largest_entry));
  WEIR_TRY_VOID(check_range("max_commit_bytes", options.max_commit_bytes, options.max_entry_bytes, largest_commit));
  WEIR_TRY_VOID(check_range<std::size_t>("batch_bytes", options.batch_bytes, 1024, largest_batch));
  WEIR_TRY_VOID(check_range<std::int64_t>("tombstone_keep_ms", options.tombstone_keep_ms, 0, many));
  WEIR_TRY_VOID(check_range<std::int64_t>("recent_index_entries", options.recent_index_entries, 1, many));
  WEIR_TRY_VOID(check_range<std::int64_t>("reserve_offsets", options.reserve_offsets, 1, many));
  WEIR_TRY_VOID(check_range<std::size_t>("memtable_bytes", options.memtable_bytes, 1U << 20, std::size_t{64} << 30));
  return check_range<std::size_t>("scan_bytes", options.scan_bytes, 1024, std::size_t{64} << 30);
}

}  // namespace

result<std::unique_ptr<event_log>> open_local_log(local_log_options options) {
  WEIR_TRY_VOID(check_options(options));
  if (options.boot_id.empty()) {
    WEIR_TRY(boot_id, local::machine_boot_id());
    options.boot_id = std::move(boot_id);
  }
  if (!options.now_ms) {
    options.now_ms = [] {
      auto const now = std::chrono::system_clock::now().time_since_epoch();
      return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    };
  }
  if (!options.free_bytes) options.free_bytes = [path = options.path] { return local::free_bytes_of(path); };
  WEIR_TRY(store, local::local_store::open(std::move(options)));
  return std::make_unique<local_log>(std::move(store));
}

}  // namespace weir
