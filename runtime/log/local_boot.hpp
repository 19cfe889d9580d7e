// How the embedded log was left: the file `weir.boot` beside the database.
#pragma once

#include <filesystem>
#include <string>

#include "runtime/result.hpp"

namespace weir::local {

// Linux's id of this boot. errc::io_error when it can't be read.
result<std::string> machine_boot_id();

enum class last_end {
  first_open,     // no file and no database
  clean,          // closed; everything was on the disk
  process_ended,  // not closed, same boot: the page cache still had everything
  power_failed,   // not closed, another boot (or the file is gone): the last commits may be lost
};

class boot_file {
 public:
  explicit boot_file(std::filesystem::path path) : path_(std::move(path)) {}
  // database_exists: whether there is something that the file should have been written for.
  result<last_end> read(std::string_view boot_id, bool database_exists) const;
  status write_running(std::string_view boot_id) const { return write(boot_id, "running"); }
  status write_closed(std::string_view boot_id) const { return write(boot_id, "closed"); }

 private:
  status write(std::string_view boot_id, std::string_view state) const;
  std::filesystem::path path_;
};

}  // namespace weir::local
