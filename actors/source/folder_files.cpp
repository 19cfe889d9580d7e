// The files of a folder, in name order, each finished before the next.
#include "actors/source/file_sequence.hpp"
#include "actors/source/folder_ledger.hpp"

namespace weir {
namespace {

class folder_files final : public file_sequence {
 public:
  folder_files(const file_options& options, const file_access& access, std::string folder,
               const file_position& position)
      : options_(options),
        access_(access),
        ledger_(std::move(folder), options.pattern, options.reorder),
        looks_(options.poll_interval_us) {
    ledger_.restore(position);
    ended_ = position.ended;
    if (position.file && !position.file->done) resume_ = position.file;
  }

  result<std::unique_ptr<record_reader>> next(std::int64_t now_us) override;
  result<verdict> at_end(const record_reader& reader, std::int64_t now_us) override;
  void finished(const file_progress& progress) override;
  result<bool> exhausted() override;
  file_position position(std::optional<file_progress> in_hand) const override;
  std::string progress(const record_reader* in_hand) const override;

 private:
  result<std::unique_ptr<record_reader>> open(const std::string& name, const file_progress* resume) const;
  result<std::string> resolve(const std::string& name) const { return access_.resolve(ledger_.folder() + '/' + name); }
  status look(std::int64_t now_us);

  file_options options_;
  const file_access& access_;
  folder_ledger ledger_;
  std::optional<file_progress> resume_;  // the file that an earlier run had in hand
  std::string name_;                     // of the file in hand
  bool ended_ = false;
  settle_watch settle_;
  look_limiter looks_;
};

result<std::unique_ptr<record_reader>> folder_files::open(const std::string& name, const file_progress* resume) const {
  WEIR_TRY(path, resolve(name));
  WEIR_TRY(handle, access_.open(path));
  struct ::stat found {};
  if (resume != nullptr && ::fstat(handle.fd(), &found) == 0 && found.st_ino != resume->inode) {
    return with_hint(fail(errc::conflict,
                          "{} was replaced: {} bytes of inode {} (size {}) were read, inode {} with {} "
                          "bytes stands there now",
                          escape_name(path), resume->bytes, resume->inode, resume->size, found.st_ino, found.st_size),
                     "put the old file back, or add the source again under a new name");
  }
  return record_reader::open(std::move(handle), path, options_.format, options_.max_record_bytes, resume);
}

// Reads the folder again, when the last look is old enough.
status folder_files::look(std::int64_t now_us) {
  if (!looks_.due(now_us)) return {};
  return ledger_.scan();
}

result<std::unique_ptr<record_reader>> folder_files::next(std::int64_t now_us) {
  if (ended_) return std::unique_ptr<record_reader>();
  WEIR_TRY_VOID(look(now_us));
  if (resume_) {
    WEIR_TRY(reader, open(resume_->path, &*resume_));
    name_ = resume_->path;
    resume_.reset();
    return reader;
  }
  const std::string* name = ledger_.next();
  if (name == nullptr) return std::unique_ptr<record_reader>();
  if (options_.watch && !options_.follow) {
    WEIR_TRY(path, resolve(*name));
    WEIR_TRY(state, access_.state(path));
    if (!settle_.settled(state, now_us, options_.settle_us)) return std::unique_ptr<record_reader>();
  }
  WEIR_TRY(reader, open(*name, nullptr));
  name_ = *name;
  return reader;
}

result<file_sequence::verdict> folder_files::at_end(const record_reader& reader, std::int64_t now_us) {
  if (!options_.watch) return verdict::finish;
  if (options_.follow) {
    WEIR_TRY_VOID(look(now_us));
    if (!ledger_.has_after(name_)) return verdict::wait;
  }
  WEIR_TRY(state, reader.input().state());
  if (state.size > reader.input().file_offset()) return verdict::read_again;
  return settle_.settled(state, now_us, options_.settle_us) ? verdict::finish : verdict::wait;
}

void folder_files::finished(const file_progress&) {
  ledger_.finish(name_);
  name_.clear();
}

result<bool> folder_files::exhausted() {
  if (ended_) return true;
  if (options_.watch || ledger_.next() != nullptr || resume_) return false;
  WEIR_TRY_VOID(ledger_.scan());
  ended_ = ledger_.next() == nullptr;
  return ended_;
}

file_position folder_files::position(std::optional<file_progress> in_hand) const {
  file_position now;
  ledger_.save(now);
  now.ended = ended_;
  now.file = std::move(in_hand);
  if (now.file) now.file->path = name_;
  if (!now.file) now.file = resume_;
  return now;
}

std::string folder_files::progress(const record_reader* in_hand) const {
  const auto finished = ledger_.finished_count();
  if (in_hand == nullptr) return fmt::format("{} of {} files", finished, ledger_.file_count());
  return fmt::format("file {} of {}, {} %", finished + 1, ledger_.file_count(), in_hand->percent());
}

}  // namespace

std::unique_ptr<file_sequence> make_folder_files(const file_options& options, const file_access& access,
                                                 std::string resolved_folder, const file_position& position) {
  return std::make_unique<folder_files>(options, access, std::move(resolved_folder), position);
}

}  // namespace weir
