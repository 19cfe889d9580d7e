// Requests at ingest: whole, into one epoch, and once per key.
#include "actors/shard/ingest.hpp"
#include "runtime/excerpt.hpp"
#include "runtime/fault/protocol_rules.hpp"

namespace weir {

namespace {

constexpr std::size_t reason_bytes = 200;

}  // namespace

result<std::vector<ingested_ptr>> ingest::accept_request(std::string_view source, std::uint64_t incarnation,
                                                         source_chunk chunk, ingest_request& request,
                                                         std::int64_t now_us) {
  const bool keyed = !request.key.empty() && rule_on(25);
  if (const auto* known = keyed ? requests_.find(source, request.key, now_us) : nullptr) {
    if (known->fingerprint != request.fingerprint)
      return with_hint(fail(errc::conflict, "the Idempotency-Key '{}' was used with other records for source {}",
                            request.key, source),
                       "take a new key for new records; only the same request may come again with its key");
    request.answer = known->answer;
    request.repeated = true;
    request.epoch = known->epoch;  // the answer is true when the first one's commit stands
    return std::vector<ingested_ptr>{};
  }
  const auto count = [&] {
    const auto* s = find_source(source);
    return s == nullptr ? request_answer{} : request_answer{s->accepted, s->dead, s->late, 0, {}};
  };
  const auto before = count();
  first_reason_.clear();
  WEIR_TRY(batches, accept(source, incarnation, std::move(chunk), now_us));
  const auto after = count();
  request.answer = {after.accepted - before.accepted, after.dead - before.dead, after.late - before.late, 0,
                    first_bytes(first_reason_, reason_bytes)};
  for (auto b = batches.rbegin(); b != batches.rend(); ++b)
    if ((*b)->rows.size() > 0) request.answer.first_number = (*b)->first_number;
  request.epoch = open_.number;
  if (keyed) requests_.record(source, request.key, {request.fingerprint, request.answer, 0, 0, open_.number}, now_us);
  return batches;
}

}  // namespace weir
