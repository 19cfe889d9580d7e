// One file; when followed, also the files that take its name after it (log rotation by renaming).
#include <algorithm>
#include <filesystem>
#include <string_view>
#include <vector>

#include "actors/source/file_sequence.hpp"

namespace weir {
namespace {

constexpr std::size_t max_siblings = 100'000;  // names looked at in search of a rotated file

// app.log.1, app.log-20240101, app.log.2.gz: names that log rotation gives.
bool is_rotated_name(std::string_view name, std::string_view base) {
  if (!name.starts_with(base)) return false;
  name.remove_prefix(base.size());
  if (name.ends_with(".gz")) name.remove_suffix(3);
  return name.size() >= 2 && (name[0] == '.' || name[0] == '-') && name[1] >= '0' && name[1] <= '9' &&
         name.find_first_not_of("0123456789.-_T") == std::string_view::npos;
}

tl::unexpected<error> replaced(const file_progress& was, std::string_view path, std::string_view now) {
  return with_hint(fail(errc::conflict, "{} was replaced: {} bytes of inode {} (size {}) were read, {}",
                        escape_name(path), was.bytes, was.inode, was.size, now),
                   "remove the source and add it again under a new name to read the new file from its start");
}

class single_file final : public file_sequence {
 public:
  single_file(const file_options& options, const file_access& access, const file_position& position)
      : options_(options),
        access_(access),
        last_(position.file),
        ended_(position.ended),
        looks_(options.poll_interval_us) {}

  result<std::unique_ptr<record_reader>> next(std::int64_t now_us) override;
  result<verdict> at_end(const record_reader& reader, std::int64_t now_us) override;
  void finished(const file_progress& progress) override;
  result<bool> exhausted() override { return ended_; }
  file_position position(std::optional<file_progress> in_hand) const override;
  std::string progress(const record_reader* in_hand) const override;

 private:
  struct found_file {
    std::string path;
    file_state state;
  };
  result<std::optional<found_file>> at_path() const;
  result<std::vector<found_file>> siblings(const std::string& path) const;
  result<std::unique_ptr<record_reader>> read_on(const std::optional<found_file>& there);
  status check_none_between(const found_file& there) const;
  result<std::unique_ptr<record_reader>> open(const std::string& path, const file_progress* resume) const;

  file_options options_;
  const file_access& access_;
  std::optional<file_progress> last_;  // where an earlier run stopped, or the rotated file that was finished last
  bool ended_;
  bool superseded_ = false;  // another file has taken the name of the one in hand
  settle_watch settle_;
  look_limiter looks_;
};

// What stands at the path now; nothing for a followed file between two rotations.
result<std::optional<single_file::found_file>> single_file::at_path() const {
  const auto resolved = access_.resolve(options_.path);
  if (!resolved) {
    if (resolved.error().code == errc::not_found && options_.follow) return std::optional<found_file>();
    return fail(resolved.error());
  }
  const auto state = access_.state(*resolved);
  if (!state && state.error().code == errc::not_found && options_.follow) return std::optional<found_file>();
  if (!state) return fail(state.error());
  return found_file{*resolved, *state};
}

// Regular files in the folder of `path`.
result<std::vector<single_file::found_file>> single_file::siblings(const std::string& path) const {
  const auto folder = std::filesystem::path(path).parent_path();
  std::error_code code;
  std::vector<found_file> files;
  std::size_t names = 0;
  for (std::filesystem::directory_iterator it(folder, code), end; !code && it != end; it.increment(code)) {
    if (++names > max_siblings) {
      return fail(errc::limit_exceeded, "folder {} holds more than {} names: a rotated file cannot be looked for there",
                  escape_name(folder.string()), max_siblings);
    }
    struct ::stat found {};
    if (::lstat(it->path().c_str(), &found) != 0 || !S_ISREG(found.st_mode)) continue;
    files.push_back({it->path().string(), to_file_state(found)});
  }
  if (code) return fail(system_error(code.value(), "list", folder.string()));
  return files;
}

result<std::unique_ptr<record_reader>> single_file::open(const std::string& path, const file_progress* resume) const {
  WEIR_TRY(handle, access_.open(path));
  return record_reader::open(std::move(handle), path, options_.format, options_.max_record_bytes, resume);
}

result<std::unique_ptr<record_reader>> single_file::next(std::int64_t now_us) {
  if (ended_) return std::unique_ptr<record_reader>();
  if (last_ && last_->done && !looks_.due(now_us)) return std::unique_ptr<record_reader>();
  WEIR_TRY(there, at_path());
  if (last_ && (!last_->done || (there && there->state.inode == last_->inode))) return read_on(there);
  if (!there) return std::unique_ptr<record_reader>();
  if (last_) WEIR_TRY_VOID(check_none_between(*there));
  return open(there->path, nullptr);
}

// The file of the last position, wherever rotation has moved it.
result<std::unique_ptr<record_reader>> single_file::read_on(const std::optional<found_file>& there) {
  if (there && there->state.inode == last_->inode) return open(there->path, &*last_);
  const std::string now =
      there ? fmt::format("inode {} with {} bytes stands there now", there->state.inode, there->state.size)
            : std::string("nothing stands there now");
  if (!options_.follow) return replaced(*last_, options_.path, now);
  WEIR_TRY(files, siblings(last_->path));
  for (const auto& file : files) {
    if (file.state.inode == last_->inode) return open(file.path, &*last_);
  }
  return replaced(*last_, options_.path, now + " and no file beside it is the old one");
}

// Two rotations since the last look: the file between them would be skipped in silence.
status single_file::check_none_between(const found_file& there) const {
  WEIR_TRY(files, siblings(there.path));
  const auto base = std::filesystem::path(options_.path).filename().string();
  for (const auto& file : files) {
    const bool newer = file.state.modified_us > last_->modified_us;
    const bool other = file.state.inode != last_->inode && file.state.inode != there.state.inode;
    if (newer && other && is_rotated_name(std::filesystem::path(file.path).filename().string(), base)) {
      return with_hint(fail(errc::conflict, "{} was rotated more than once since it was last read: {} was never read",
                            escape_name(options_.path), escape_name(file.path)),
                       "move that file to another folder and read it with a source of its own");
    }
  }
  return {};
}

result<file_sequence::verdict> single_file::at_end(const record_reader& reader, std::int64_t now_us) {
  if (!options_.follow) return verdict::finish;
  if (!superseded_ && !looks_.due(now_us)) return verdict::wait;
  WEIR_TRY(mine, reader.input().state());
  WEIR_TRY(there, at_path());
  if (!there || there->state.inode == mine.inode) {
    superseded_ = false;
    return verdict::wait;
  }
  if (mine.links == 0) {
    file_progress was;
    was.inode = mine.inode;
    was.bytes = reader.input().offset();
    was.size = mine.size;
    const auto now = fmt::format("inode {} with {} bytes stands there now and the old one is deleted",
                                 there->state.inode, there->state.size);
    return replaced(was, options_.path, now);
  }
  if (!superseded_) {
    superseded_ = true;
    return verdict::read_again;  // what was written before the name moved
  }
  const bool all_read = mine.size == reader.input().file_offset();
  return all_read && settle_.settled(mine, now_us, options_.settle_us) ? verdict::finish : verdict::wait;
}

void single_file::finished(const file_progress& progress) {
  last_ = progress;
  last_->done = true;
  if (superseded_) looks_.at_once();  // the next file is known to be there
  superseded_ = false;
  ended_ = !options_.follow;
}

file_position single_file::position(std::optional<file_progress> in_hand) const {
  file_position now;
  now.file = in_hand ? std::move(in_hand) : last_;
  now.ended = ended_;
  return now;
}

std::string single_file::progress(const record_reader* in_hand) const {
  if (in_hand == nullptr) return ended_ ? "100 %" : "waiting for the file";
  return fmt::format("{} %{}", in_hand->percent(), superseded_ ? " of the rotated file" : "");
}

}  // namespace

std::unique_ptr<file_sequence> make_single_file(const file_options& options, const file_access& access,
                                                const file_position& position) {
  return std::make_unique<single_file>(options, access, position);
}

}  // namespace weir
