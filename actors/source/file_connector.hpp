// Files as sources: one file, a file that grows and is rotated, a folder of files, a folder that gets new ones.
// Exactly once: the position names the file (device, inode) and the bytes of it that complete records have used up.
#pragma once

#include <memory>

#include "actors/source/connector.hpp"
#include "actors/source/file_access.hpp"
#include "actors/source/file_sequence.hpp"
#include "actors/source/record_reader.hpp"

namespace weir {

const connector_kind& file_connector_kind();
result<std::unique_ptr<connector>> make_file_connector(const source_spec& spec, const connector_context& context);

class file_connector final : public connector {
 public:
  // chunk_format: what source_chunk::format says.
  file_connector(file_options options, std::string chunk_format, std::vector<std::string> allowed_folders,
                 std::int64_t (*now_us)())
      : options_(std::move(options)),
        chunk_format_(std::move(chunk_format)),
        access_(std::move(allowed_folders)),
        now_us_(now_us) {}

  status open(std::string_view position) override;
  result<source_chunk> pull(const pull_limits& limits) override;

 private:
  enum class step { done, go_on };
  result<step> advance(const pull_limits& limits, source_chunk& chunk);
  status conclude(source_chunk& chunk);

  file_options options_;
  std::string chunk_format_;
  file_access access_;
  std::int64_t (*now_us_)();
  std::unique_ptr<file_sequence> files_;
  std::unique_ptr<record_reader> reader_;
};

}  // namespace weir
