#include "tools/weir_simulate/http_delivery.hpp"

#include <thread>

namespace weir::simulate {

namespace {

using clock = std::chrono::steady_clock;
constexpr auto first_pause = std::chrono::milliseconds(50), longest_pause = std::chrono::milliseconds(1'000);

bool may_come_again(const result<cli::response>& answer) {
  if (answer) return answer->status == 503 || answer->status == 504;
  return answer.error().code == errc::unavailable || answer.error().code == errc::timeout;
}

}  // namespace

http_delivery::http_delivery(http_options options, const std::atomic<bool>& stopped)
    : options_(std::move(options)), stopped_(stopped), client_(options_.node, options_.timeout, stopped) {}

result<delivered> http_delivery::send(const record_batch& batch) {
  std::string body;
  if (!batch.header.empty()) body = std::string(batch.header) + '\n';
  body += batch.lines;
  const auto key = fmt::format("{}-{}-{}", options_.key, batch.instrument, batch.number);
  const auto where = cli::target({"streams", options_.stream, "records"}).query("source", options_.source);
  const auto end = clock::now() + options_.patience;
  auto pause = first_pause;
  for (delivered out;; ++out.retried) {
    const auto answer = client_.post(where, {batch.media, body, key});
    if (may_come_again(answer) && clock::now() < end && !stopped_) {
      std::this_thread::sleep_for(pause);
      pause = std::min(pause * 2, longest_pause);
      continue;
    }
    if (!answer) return fail(answer.error());
    WEIR_TRY(said, cli::json_of(*answer, options_.node));
    out.accepted = said.value("accepted", std::uint64_t{0});
    out.dead = said.value("dead", std::uint64_t{0});
    return out;
  }
}

}  // namespace weir::simulate
