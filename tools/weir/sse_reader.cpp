#include "tools/weir/sse_reader.hpp"

namespace weir::cli {

status sse_reader::feed(std::string_view bytes, const std::function<bool(const sse_event&)>& take) {
  for (const char c : bytes) {
    if (stopped_) return {};
    const bool second_of_crlf = c == '\n' && after_cr_;
    after_cr_ = c == '\r';
    if (second_of_crlf) continue;
    if (c == '\n' || c == '\r') {
      end_line(take);
    } else {
      line_ += c;
    }
    if (line_.size() + event_.data.size() > max_event_bytes) {
      return fail(errc::limit_exceeded, "the node sent an event of more than {} bytes", max_event_bytes);
    }
  }
  return {};
}

void sse_reader::end_line(const std::function<bool(const sse_event&)>& take) {
  if (line_.empty()) {
    if (has_data_) {
      if (event_.type.empty()) event_.type = "message";
      stopped_ = !take(event_);
    }
    event_.type.clear();
    event_.data.clear();
    has_data_ = false;
    return;
  }
  const std::string_view line = line_;
  const auto colon = line.find(':');
  const auto field = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    if (has_data_) event_.data += '\n';
    event_.data += value;
    has_data_ = true;
  } else if (field == "event") {
    event_.type = value;
  } else if (field == "id") {
    event_.id = value;
  }
  line_.clear();
}

}  // namespace weir::cli
