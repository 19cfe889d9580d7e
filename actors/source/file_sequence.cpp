#include "actors/source/file_sequence.hpp"

namespace weir {

bool settle_watch::settled(const file_state& state, std::int64_t now_us, std::int64_t settle_us) {
  if (state.modified_us <= now_us - settle_us) return true;
  const bool same = state.inode == seen_.inode && state.size == seen_.size && state.modified_us == seen_.modified_us;
  if (!same || now_us < since_us_) {
    seen_ = state;
    since_us_ = now_us;
  }
  return now_us - since_us_ >= settle_us;
}

bool look_limiter::due(std::int64_t now_us) {
  if (last_us_ && now_us >= *last_us_ && now_us - *last_us_ < interval_us_) return false;
  last_us_ = now_us;
  return true;
}

result<std::unique_ptr<file_sequence>> make_file_sequence(const file_options& options, const file_access& access,
                                                          const file_position& position) {
  const auto resolved = access.resolve(options.path);
  // While a followed file is being rotated its name is missing for a moment.
  const bool between_files = !resolved && resolved.error().code == errc::not_found && options.follow && position.file &&
                             options.pattern.empty();
  if (between_files) return make_single_file(options, access, position);
  if (!resolved) return fail(resolved.error());
  WEIR_TRY(state, access.state(*resolved));
  if (!state.folder && !options.pattern.empty()) {
    return fail(errc::invalid_argument, "{} is a file; a pattern needs a folder before it", escape_name(options.path));
  }
  if (state.folder) {
    if (options.follow && !options.watch) {
      return with_hint(fail(errc::invalid_argument, "{} is a folder; follow=true there needs watch=true too",
                            escape_name(options.path)),
                       "with both, the last file in name order is followed until a later one appears");
    }
    return make_folder_files(options, access, *resolved, position);
  }
  if (options.watch) {
    return with_hint(fail(errc::invalid_argument, "{} is a file; watch=true needs a folder", escape_name(options.path)),
                     "use follow=true for a file that grows");
  }
  return make_single_file(options, access, position);
}

}  // namespace weir
