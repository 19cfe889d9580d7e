// Ingest of one shard: gives records their numbers, sequences, event times and lateness, keeps the sources' clocks, and
// cuts epochs (DESIGN §2, PROTOCOL 2, 6, 11-13). A plain class: no threads, no clock of its own.
//
// A source has two clocks. Its own: the largest event time minus the stream's lateness. Its share of the stream's: the
// same, but never behind what the stream's watermark was when the source opened or returned. The stream's watermark W
// is the minimum of the shares of live sources and never goes back. A record is
//   late for its source   when it is behind the source's own clock,
//   late for the stream   when it is behind the source's share: so with sources that open before the first data it does
//                         not depend on which sources a shard holds.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "actors/shard/epoch.hpp"
#include "actors/shard/live_shares.hpp"
#include "actors/shard/request_keys.hpp"
#include "actors/shard/stream_entry.hpp"
#include "actors/source/connector.hpp"
#include "cluster/control_state.hpp"
#include "cluster/stream_clock.hpp"

namespace weir {

// One stream entry on its way to the tasks, decoded: `rows` has all of the stream's columns.
struct ingested_batch {
  std::string stream;
  std::uint64_t first_number = 0, next_number = 0;
  std::uint64_t epoch = 0;  // of ingest, in which it is committed
  stamped_batch rows;
  time_progress progress;  // after it
  std::size_t bytes = 0;
};
using ingested_ptr = std::shared_ptr<const ingested_batch>;

enum class source_life : std::uint8_t {
  live,
  idle,  // silent for longer than its stream's `idle`: when all are, what is open closes
  ended,
  removed,
  quiet,  // filled by POST and silent for a while, in a stream without `idle`: holds nothing back, closes nothing
};

// How much of a chunk is taken: the whole, or its next records only (PROTOCOL 9).
struct chunk_take {
  std::uint64_t records = ~std::uint64_t{0};
  bool goes_on = false;  // after another part of this very chunk
  std::string poison;    // not empty: the records become dead letters for this reason, undecoded
};

struct ingest_source {
  std::string stream;
  std::uint64_t incarnation = 0;
  std::string position;
  std::uint64_t next_sequence = 0;
  clock_state own;                       // watermark and flush of its own
  std::int64_t floor_us = no_watermark;  // W when it opened or returned
  std::int64_t max_event_us = no_watermark;
  source_life life = source_life::live;
  std::uint64_t accepted = 0, dead = 0, late = 0;
  // Wall clock of this process; not part of the state.
  std::int64_t last_record_us = 0;
  std::int64_t silent_since_us = 0;        // its last record, else when this process first knew it
  std::optional<std::int64_t> counted_us;  // its share as the stream's live_shares has it; none: it is not live
  bool awaited = false;                    // it is looked at for silence
  // Taken beyond `position`, from a chunk that is taken in parts: left out when the source offers them again.
  struct beyond {
    std::uint64_t failures = 0, records = 0;
  };
  beyond ahead;
  bool offers_again = false;  // it gives positions, so it goes on at `position`; not part of the state
  bool counted_quiet = false;
  bool pushed = false;  // filled by POST, as the control log says

  std::int64_t share_us() const { return own.watermark_us > floor_us ? own.watermark_us : floor_us; }
};

class ingest {
 public:
  ingest(std::string app, int shard, std::size_t entry_max_bytes, ingest_limits limits);

  // --- before the first event: what the last commit left ---
  status restore(std::string_view kind_and_name, std::string_view value);

  // Streams and sources as the control log has them, for this shard's sources only. Opens what is new, marks what is
  // gone. Answers entries of marks for the tasks.
  std::vector<ingested_ptr> apply(const control_plan& plan, int shards, std::int64_t now_us);

  // Takes a chunk as a whole, or a part of it: then the source's position stays, and how far beyond it was taken is
  // part of its state. not_found: no such source here; cancelled: an older incarnation (PROTOCOL 6).
  result<std::vector<ingested_ptr>> accept(std::string_view source, std::uint64_t incarnation, source_chunk chunk,
                                           std::int64_t now_us, const chunk_take& take = {});
  // Records of a chunk that accept() would take.
  std::uint64_t untaken(const ingest_source& source, const source_chunk& chunk, bool goes_on) const;
  // The same for a request, which goes into one epoch as a whole. One whose key is known brings nothing and gets the
  // first one's answer; conflict: the key stood in a request with other records (PROTOCOL 25).
  result<std::vector<ingested_ptr>> accept_request(std::string_view source, std::uint64_t incarnation,
                                                   source_chunk chunk, ingest_request& request, std::int64_t now_us);
  // Silent sources become idle. Looks only at those whose time has come.
  std::vector<ingested_ptr> mark_idle(std::int64_t now_us);
  // Before this time mark_idle() has nothing to do; none: not before a record or a control state.
  std::optional<std::int64_t> next_idle_us() const;
  // A shard without live sources records what the others' clocks say.
  std::vector<ingested_ptr> advise(std::string_view stream, const clock_advice& advice, std::int64_t now_us);

  bool dirty() const { return dirty_; }
  std::size_t open_bytes() const { return open_.bytes; }
  std::uint64_t open_epoch() const { return open_.number; }
  epoch cut();

  const ingest_source* find_source(std::string_view name) const;
  const std::map<std::string, ingest_source, std::less<>>& sources() const { return sources_; }
  // Sources that changed since the last call, for people's eyes.
  std::vector<std::string> take_changed();
  // Streams whose clock or number changed since the last call.
  std::vector<std::string> take_changed_streams();
  // The next number of each stream that the open epoch holds something of.
  std::map<std::string, std::uint64_t, std::less<>> open_numbers() const;
  shard_clock clock_of(std::string_view stream) const;
  std::uint64_t next_number(std::string_view stream) const;
  std::vector<std::string> stream_names() const;

 private:
  struct stream_state {
    stream_definition definition;
    std::uint64_t next_number = 0;
    clock_state clock;
    std::int64_t max_event_us = no_watermark;
    int quiet_sources = 0;                                            // of those in this shard
    live_shares shares;                                               // of its sources in this shard
    std::map<std::string, std::unique_ptr<record_decoder>> decoders;  // by format and context
  };
  struct accepting;

  struct chunk_part {
    record_decoder& decoder;
    source_chunk& chunk;
    std::size_t first, count;
  };
  ingested_ptr accept_part(stream_state& stream, ingest_source& source, const std::string& name, chunk_part part,
                           std::int64_t now_us);
  void stamp(accepting& a, ingest_source& source, stream_state& stream);
  // `chunk`: that the record came with; its format and context are kept, to read the record again one day.
  void dead_letter(const stream_state& s, std::string_view source, std::uint64_t sequence, std::string_view record,
                   std::string_view reason, const source_chunk& chunk, std::int64_t now_us);
  ingested_ptr write_entry(stream_state& s, stream_entry entry, record_batch rows);
  ingested_ptr write_marks(stream_state& s, std::vector<stream_mark> marks,
                           const std::vector<std::string>& changed_sources, std::int64_t now_us);
  // After any change of a source's life or clocks.
  void count_share(stream_state& s, ingest_source& source);
  void await_silence(const std::string& name, ingest_source& source);
  std::int64_t silence_allowed(const ingest_source& source) const;  // 0: any
  void after_plan(std::int64_t now_us);
  void touch(std::string_view source);
  void touch_stream(std::string_view stream);

  std::string app_;
  int shard_;
  std::size_t entry_max_bytes_;
  std::map<std::string, stream_state, std::less<>> streams_;
  std::map<std::string, ingest_source, std::less<>> sources_;
  std::int64_t control_offset_ = -1;
  epoch open_;
  std::set<std::string, std::less<>> touched_sources_, touched_streams_, changed_, changed_streams_;
  // When a live source is looked at for silence: at the earliest time it could be idle. One entry per source; records
  // do not move it, it is looked up anew when its time comes.
  std::set<std::pair<std::int64_t, std::string>> silences_;
  bool restored_ = true;  // no control state was applied yet
  ingest_limits limits_;
  request_keys requests_;
  std::string first_reason_;  // of the dead letters since accept_request() began
  bool dirty_ = false;
};

// Builds the rows of a batch for tasks from a stored entry: decodes the records into `columns` (a part of the
// stream's).
result<stamped_batch> decode_stored(stream_entry entry, const stream_definition& stream, schema_ptr columns,
                                    std::map<std::string, std::unique_ptr<record_decoder>>& decoders);
time_progress progress_of(const stream_entry& entry);

}  // namespace weir
