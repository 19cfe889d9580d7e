// Where a source stands in a partition of an external topic, and by what it knows that it is still the same partition.
//
// Offsets alone do not tell a topic that was deleted and made anew from the old one. So the position names the last
// record too, with a fingerprint; a reader that resumes reads it again and compares.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/log/kafka_external.hpp"
#include "runtime/result.hpp"

namespace weir {

struct topic_position {
  struct read_record {
    std::int64_t offset = 0;
    std::uint64_t fingerprint = 0;

    bool operator==(const read_record&) const = default;
  };
  std::int64_t next = 0;            // everything before it was read
  std::optional<read_record> last;  // none: nothing was read yet

  bool operator==(const topic_position&) const = default;
};

// Of time, key and value; looks at no more than some hundred bytes of them.
std::uint64_t fingerprint_of(const external_record& record);

std::string encode_topic_position(const topic_position& position);
result<topic_position> decode_topic_position(std::string_view text);  // errc::corrupt

// Whether everything from the position on is in the log, which holds `held`. errc::offset_out_of_range says what is not
// there any more; `topic` and `source` are for people.
status check_held(const topic_position& position, const log_bounds& held, std::string_view topic,
                  std::string_view source);
// What the reader found at the position's last record, or behind where it should be; errc::conflict when it is another.
status check_last(const topic_position& position, const external_record& found, std::string_view topic,
                  std::string_view source);
// Adds what to do about records that are gone.
tl::unexpected<error> gone_for_good(tl::unexpected<error> why, std::string_view source);

}  // namespace weir
