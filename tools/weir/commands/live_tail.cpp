#include "tools/weir/commands/live_tail.hpp"

#include <algorithm>

namespace weir::cli {

namespace {

constexpr auto silence = std::chrono::seconds(60);  // the node says something at least every 15 s

class tail {
 public:
  tail(session& s, const tail_options& o) : s_(s), o_(o), rows_(s.print()), token_(o.from == "now" ? "" : o.from) {}

  const std::string& token() const { return token_; }
  bool complete() const { return o_.limit > 0 && count_ >= o_.limit; }
  bool heard() const { return heard_; }
  void forget_heard() { heard_ = false; }
  const std::optional<error>& refused() const { return refused_; }

  bool take(const sse_event& event) {
    heard_ = true;
    if (!event.id.empty()) token_ = event.id;
    if (event.type == "subscribed") return true;
    const auto data = json::parse(event.data, nullptr, false);
    if (!data.is_object()) return warn("the node sent an event that is no JSON object");
    if (event.type == "problem") {
      refused_ = error{errc::rejected, data.value("detail", "the node ended the feed"), data.value("hint", "")};
      return false;
    }
    if (event.type == "shed") return warn(cell_text(data.value("shed", json())) + " rows left out: too slow a reader");
    return print(data, "deleted", true) && print(data, "rows", false);
  }

 private:
  bool print(const json& batch, const char* key, bool deleted) {
    for (const auto& row : batch.value(key, json::array())) {
      rows_.row(row, deleted);
      ++count_;
      if (complete()) return false;
    }
    return true;
  }

  bool warn(const std::string& what) {
    s_.io().err << "weir: " << what << "\n";
    return true;
  }

  session& s_;
  const tail_options& o_;
  printer::stream rows_;
  std::string token_;
  std::uint64_t count_ = 0;
  bool heard_ = false;
  std::optional<error> refused_;
};

}  // namespace

std::chrono::milliseconds retry_delay(int attempt) {
  constexpr int doublings = 6;
  return std::min(std::chrono::milliseconds(250) * (1 << std::clamp(attempt - 1, 0, doublings)),
                  std::chrono::milliseconds(10'000));
}

result<exit_code> tail_live(session& s, const std::function<target()>& feed, const tail_options& o) {
  WEIR_TRY(node, s.node());
  tail rows(s, o);
  for (int lost = 0;;) {
    auto where = feed();
    where.query("from", rows.token());
    const auto ended = node->follow(where, silence, [&](const sse_event& event) { return rows.take(event); });
    if (rows.complete() || (!ended && ended.error().code == errc::cancelled)) return exit_code::ok;
    if (rows.refused()) return fail(*rows.refused());
    const bool may_heal = !ended && (ended.error().code == errc::unavailable || ended.error().code == errc::timeout ||
                                     ended.error().code == errc::rejected);
    if (!may_heal) return ended ? result<exit_code>(exit_code::ok) : fail(ended.error());
    // A node that was never heard is none that was lost.
    if (rows.heard()) lost = 0;
    if (lost == 0 && !rows.heard() && rows.token().empty()) return fail(ended.error());
    rows.forget_heard();
    if (++lost > o.retries) {
      return with_hint(fail(ended.error()), rows.token().empty() ? "" : "go on where it ended: --from " + rows.token());
    }
    s.io().err << "weir: " << ended.error().message << "; trying again\n";
    if (!s.pause(retry_delay(lost))) return exit_code::ok;
  }
}

}  // namespace weir::cli
