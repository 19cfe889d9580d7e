#include "actors/post_desk.hpp"

#include <openssl/sha.h>

#include "actors/source/posted_body.hpp"
#include "cluster/pushed_sources.hpp"

namespace weir {

namespace {

using json = nlohmann::json;

// What must be equal in a repetition: where the records go, how they are read, and their bytes.
std::string fingerprint_of(const posted_records& r) {
  const auto head = fmt::format("{}\n{}\n", r.stream, static_cast<int>(r.media));
  std::string both = head + r.body;
  std::string out(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(both.data()), both.size(),
         reinterpret_cast<unsigned char*>(out.data()));
  return out;
}

tl::unexpected<error> unknown_outcome(bool keyed) {
  return with_hint(
      fail(errc::unknown_outcome, "the shard stopped before the commit of these records was certain"),
      keyed ? "retry with the same key: the records enter once"
            : "look among the stream's newest records before you send them again; with an Idempotency-Key a retry "
              "would be safe");
}

// Nothing of the request stands.
tl::unexpected<error> refusal_of(const error& why) {
  if (why.code == errc::cancelled || why.code == errc::not_found)
    return with_hint(fail(errc::unavailable, "{}", why.message), "send the request again");
  if (why.code == errc::unavailable && why.hint.empty())
    return with_hint(fail(errc::unavailable, "{}", why.message), "nothing was taken; send the request again");
  return fail(why);
}

json answer_json(const posted_records& records, int shard, const ingest_request& request) {
  const auto& a = request.answer;
  return {{"stream", records.stream},
          {"source", records.source},
          {"shard", shard},
          {"first_number", a.accepted > 0 ? json(a.first_number) : json()},
          {"accepted", a.accepted},
          {"dead", a.dead},
          {"late", a.late},
          {"first_reason", a.first_reason.empty() ? json() : json(a.first_reason)},
          {"repeated", request.repeated}};
}

}  // namespace

class post_desk::pending {
 public:
  pending(posted_records r, reply done, std::shared_ptr<std::atomic<std::int64_t>> waiting)
      : records(std::move(r)), done_(std::move(done)), waiting_(std::move(waiting)), bytes_(size_of(records)) {}
  ~pending() {
    answer(accepted_ ? unknown_outcome(!records.key.empty())
                     : with_hint(fail(errc::unavailable, "the node stops or restarts a shard just now"),
                                 "nothing was taken; send the request again"));
    *waiting_ -= bytes_;
  }
  pending(const pending&) = delete;
  pending& operator=(const pending&) = delete;

  static std::int64_t size_of(const posted_records& r) { return static_cast<std::int64_t>(r.body.size()) + 1'024; }

  // The first answer counts.
  void answer(result<json> a) {
    if (!answered_.exchange(true)) std::exchange(done_, {})(std::move(a));
  }
  void note_accepted() { accepted_ = true; }

  posted_records records;
  format_spec format;  // of the stream
  result<source_chunk> chunk = fail(errc::internal, "the body was not read");
  std::shared_ptr<ingest_request> request = std::make_shared<ingest_request>();

 private:
  reply done_;
  std::shared_ptr<std::atomic<std::int64_t>> waiting_;
  std::int64_t bytes_;
  std::atomic<bool> answered_{false}, accepted_{false};
};

void post_desk::take(posted_records records, const control_limits& limits, reply done) {
  const auto plan = node_.plan();
  const auto stream = plan->names.streams.find(records.stream);
  if (stream == plan->names.streams.end()) return done(fail(errc::not_found, "there is no stream {}", records.stream));
  if (auto good = check_media(records.media, stream->second.format); !good) return done(fail(std::move(good).error()));
  const auto bytes = pending::size_of(records);
  if (waiting_bytes_->fetch_add(bytes) + bytes > node_.settings().http.pending_bytes) {
    *waiting_bytes_ -= bytes;
    return done(with_hint(fail(errc::unavailable, "as many bytes wait for their commit as http.pending_bytes allows"),
                          "nothing was taken; send the request again"));
  }
  const auto shards = static_cast<int>(node_.settings().node.shards);
  if (records.source.empty())
    records.source = records.key.empty()
                         ? virtual_source_name(records.stream, static_cast<int>(unkeyed_++ % virtual_sources))
                         : virtual_source_of(records.stream, records.key, shards);
  auto p = std::make_shared<pending>(std::move(records), std::move(done), waiting_bytes_);
  p->format = stream->second.format;
  const auto open = [name = p->records.stream, source = p->records.source, limits](const control_plan& now) {
    return open_pushed_source(now, name, source, limits);
  };
  const auto missing = open(*plan);
  if (!missing) return p->answer(fail(missing.error()));
  if (missing->empty()) return read_body(p);
  node_.command(open, [this, p](status opened) { opened ? read_body(p) : p->answer(fail(std::move(opened).error())); });
}

void post_desk::read_body(const pending_ptr& p) {
  const auto most = static_cast<std::size_t>(node_.settings().log.max_record_bytes);
  node_.run_on_pool({[p, most] {
                       p->chunk = chunk_of_body(p->records.media, p->records.body, p->format, most);
                       p->request->key = p->records.key;
                       if (!p->records.key.empty()) p->request->fingerprint = fingerprint_of(p->records);
                       p->records.body = {};
                     },
                     [this, p] { offer(p); },
                     {}});
}

void post_desk::offer(const pending_ptr& p) {
  if (!p->chunk) return p->answer(fail(p->chunk.error()));
  const auto to = node_.shard_of(p->records.source);
  if (!to) return p->answer(fail(errc::unavailable, "the shard of source {} does not run now", p->records.source));
  auto offered = std::make_shared<offered_chunk>();
  offered->source = p->records.source;
  offered->chunk = std::move(*p->chunk);
  offered->request = p->request;
  offered->accepted = [p](status taken) {
    if (taken)
      p->note_accepted();
    else
      p->answer(refusal_of(taken.error()));
  };
  offered->committed = [this, p] { committed(*p); };
  caf::anon_send(to, offer_atom::value, offered);
}

void post_desk::committed(pending& p) {
  const auto shard = shard_of_source(p.records.source, static_cast<int>(node_.settings().node.shards));
  if (!p.request->repeated) {
    const auto count = p.request->answer.accepted + p.request->answer.dead;
    const std::lock_guard lock(mutex_);
    const auto now_us = wall_clock_us();
    const auto rate = rates_[p.records.source].add(count, now_us);
    node_.note_source(p.records.source, [&](source_view& v) {
      v.records += count;
      v.last_record_us = now_us;
      if (rate) v.rate = *rate;
    });
  }
  p.answer(answer_json(p.records, shard, *p.request));
}

}  // namespace weir
