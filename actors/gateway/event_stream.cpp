#include "actors/gateway/event_stream.hpp"

#include "actors/gateway/problem.hpp"

namespace weir {

std::string event_stream::opening() const {
  return fmt::format("retry: 1000\nid: {}\nevent: subscribed\ndata: {{\"token\":{}}}\n\n", from_->token(),
                     json_text(from_->token()));
}

std::optional<std::string> event_stream::next_event() {
  if (ended_) return std::nullopt;
  const auto batch = from_->next();
  if (!batch) {
    ended_ = true;
    return fmt::format("event: problem\ndata: {}\n\n",
                       json_text(problem_json(http_status(batch.error().code), batch.error())));
  }
  if (!*batch) return std::nullopt;
  std::string out;
  if (!(*batch)->token.empty()) out += fmt::format("id: {}\n", (*batch)->token);
  if ((*batch)->shed > 0) out += "event: shed\n";
  return out + fmt::format("data: {{{}}}\n\n", (*batch)->members);
}

}  // namespace weir
