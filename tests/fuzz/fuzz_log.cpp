// What stands in the log and on disk, damaged: values of the embedded log, entries of streams, state of views, of
// ingest and of tasks.
#include <algorithm>

#include "actors/shard/task.hpp"
#include "actors/shard/task_node.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/log/local_keys.hpp"
#include "runtime/log/sim_log.hpp"
#include "runtime/log/stored_batch.hpp"
#include "runtime/sql/sql.hpp"
#include "runtime/time/timestamp.hpp"
#include "state/state_key.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/fuzz/pipelines.hpp"
#include "tests/fuzz/rows.hpp"
#include "tests/support/temp_folder.hpp"

namespace weir::fuzz {

namespace {

void require_corrupt(const error& e, std::string_view what) {
  const bool known = e.code == errc::corrupt || e.code == errc::limit_exceeded;
  require(known, "{}: damaged bytes are called {}: {}", what, to_string(e.code), e.text());
}

void check_batch(std::string_view stored) {
  auto cursor = stored_batch_cursor::open(stored);
  if (!cursor) return require_corrupt(cursor.error(), "a stored batch");
  const auto base = cursor->base();
  std::vector<log_entry> entries;
  while (cursor->position() < cursor->end()) {
    auto e = cursor->next();
    if (!e) return require_corrupt(e.error(), "a stored batch's entry");
    require(e->offset == base + static_cast<std::int64_t>(entries.size()), "offsets do not follow on");
    entries.push_back(std::move(*e));
  }
  stored_batch_builder builder(0);
  for (const auto& e : entries) builder.add({"t", 0, e.key, *e.value, e.header, e.timestamp_us});
  const std::string again(builder.finish(base));
  auto second = stored_batch_cursor::open(again);
  require(second && second->base() == base && second->end() == base + std::ssize(entries),
          "a batch does not come back");
  for (const auto& e : entries) {
    const auto back = second->next();
    require(back && back->key == e.key && back->value == e.value && back->header == e.header &&
                back->timestamp_us == e.timestamp_us,
            "entry {} does not come back", e.offset);
  }
}

void check_keyed(std::string_view stored) {
  const auto e = local::decode_keyed(stored);
  if (!e) return require_corrupt(e.error(), "a compacted entry");
  const auto again = local::encode_keyed(*e);
  const auto back = local::decode_keyed(again);
  require(back && back->offset == e->offset && back->timestamp_us == e->timestamp_us && back->header == e->header &&
              back->value == e->value && back->tombstone == e->tombstone,
          "a compacted entry does not come back");
}

void check_topic(std::string_view stored) {
  const auto t = local::decode_topic("t", stored);
  if (!t) return require_corrupt(t.error(), "a topic's record");
  require(t->config.kind <= topic_kind::compacted && t->config.partitions > 0, "a topic of no kind or no partitions");
  require(local::encode_topic(t->id, t->config) == stored, "a topic's record does not come back");
}

// A task of the pipeline over a log of its own.
struct run_of_task {
  explicit run_of_task(const planned_pipeline& pipeline)
      : made(std::make_unique<task>(task_options{.app = "weir", .shard = 0, .shards = 2}, pipeline, control().names)) {
    for (const auto& i : made->inputs()) {
      const bool upsert = i.kind == input_kind::view && control().names.views.at(i.name).kind == view_kind::upsert;
      require(log.create_topic({i.topic, 2, upsert ? topic_kind::compacted : topic_kind::append}).has_value(),
              "a topic of the pipeline is refused");
    }
    writer = std::move(*log.open_writer("fuzz"));
  }
  void append(const task_input& to, std::string_view key, std::string_view header,
              std::optional<std::string_view> value) {
    const log_append a{to.topic, 0, key, value, header, 1'700'000'000'000'000};
    (void)writer->commit(std::span(&a, 1));  // what the log refuses does not get into it
  }
  // Reads all inputs to their ends, or to the first entry that is refused.
  status read() {
    for (const auto& i : made->inputs()) {
      for (;;) {
        WEIR_TRY(bytes, made->read_on(*made->find_input(i.kind, i.name), log, 1 << 20));
        if (bytes == 0) break;
      }
    }
    return {};
  }

  sim_log log;
  std::unique_ptr<log_writer> writer;
  std::unique_ptr<task> made;
};

// A store on disk that is made anew now and then; every run has an incarnation of its pipeline of its own in it.
class scratch_store {
 public:
  // Opened here: what RocksDB keeps for the whole process is then older than this object, and outlives it.
  scratch_store() { renew(); }
  state_store& next(std::uint64_t& incarnation) {
    if (used_ == 20'000) renew();
    incarnation = ++used_;
    return *store_;
  }

 private:
  void renew() {
    store_.reset();
    folder_.emplace();
    store_ = std::move(*state_store::open(folder_->path("state"), 1'000));
    used_ = 0;
  }

  std::optional<temp_folder> folder_;
  std::unique_ptr<state_store> store_;
  std::uint64_t used_ = 0;
};

// Whether ingest could have written the entry: it writes what the decoder that validates takes, at times that can be
// said. Views need not make sense of anything else.
bool was_accepted(const stream_entry& entry) {
  const auto& stream = names().streams.find("t")->second;
  const auto decoder = make_record_decoder(entry.format.empty() ? stream.format : format_spec{entry.format, {}},
                                           every_type(), entry.context, true);
  if (!decoder || !is_valid_utf8(entry.source)) return false;
  const bool timed = std::ranges::all_of(entry.event_time_us,
                                         [](std::int64_t t) { return t >= timestamp_min_us && t <= timestamp_max_us; });
  return timed && decode_checked(**decoder, every_type(), entry.records).rows == entry.records.size();
}

using entries = std::vector<std::pair<std::string_view, std::string_view>>;

entries read_entries(input& in) {
  entries out;
  while (out.size() < 16 && !in.empty()) {
    const auto key = in.piece();
    out.emplace_back(key, in.piece());
  }
  return out;
}

void restore_ingest(input& in) {
  ingest intake("weir", 0, 1 << 20, {});
  const auto chunk = in.piece();
  for (const auto& [key, value] : read_entries(in))
    if (const auto done = intake.restore(key, value); !done) return require_corrupt(done.error(), "ingest's state");
  const std::int64_t now = 1'700'000'000'000'000;
  intake.apply(control(), 1, now);
  for (const auto& source : {"north", "other"}) {
    source_chunk one;
    one.records.append(chunk);
    one.position = "1";
    const auto* known = intake.find_source(source);
    if (known == nullptr) continue;
    if (const auto taken = intake.accept(source, known->incarnation, std::move(one), now); !taken)
      require(taken.error().code != errc::internal, "a chunk after a restore: {}", taken.error().text());
  }
  intake.mark_idle(now + 100 * us_per_s);
  intake.advise("t", {0, true, now}, now);
  const auto done = intake.cut();
  ingest again("weir", 0, 1 << 20, {});
  const auto prefix = state_prefix(ingest_pipeline, 0).size();
  for (const auto& c : done.changes)
    require(again.restore(std::string_view(c.key).substr(prefix), *c.value).has_value(),
            "ingest's own state is refused");
}

void restore_task(input& in, planned_pipeline pipeline) {
  static scratch_store stores;
  auto& store = stores.next(pipeline.record.incarnation);
  const auto prefix = state_prefix(pipeline.record.name, pipeline.record.incarnation);
  std::vector<std::pair<std::string, std::string_view>> owned;
  for (const auto& [key, value] : read_entries(in)) owned.emplace_back(prefix + std::string(key), value);
  state_delta delta;
  for (const auto& [key, value] : owned) delta.changes.push_back({key, value});
  require(store.apply(0, delta).has_value(), "the state store refuses a write");
  run_of_task run(pipeline);
  const auto done = run.made->restore(store, run.log);
  if (!done) return require(done.error().code != errc::internal, "a task's state: {}", done.error().text());
  require(run.made->cut().has_value(), "a restored task cannot cut");
}

void process_entries(input& in, const planned_pipeline& pipeline) {
  run_of_task run(pipeline);
  for (int i = 0; i < 8 && !in.empty(); ++i) {
    const auto& to = run.made->inputs()[in.choice(run.made->inputs().size())];
    const auto key = in.piece();
    const auto header = in.piece();
    run.append(to, key, header, in.piece());
  }
  if (!run.read()) return;
  require(run.made->cut().has_value(), "a task cannot cut after entries that it took");
}

}  // namespace

// What kind of stored value it is, then the value.
void run_stored_batch(std::string_view bytes) {
  input in(bytes);
  switch (in.choice(3)) {
    case 0: return check_batch(in.rest());
    case 1: return check_keyed(in.rest());
    default: return check_topic(in.rest());
  }
}

// Which view the rows go to, a log header, and the value of a stream's entry.
void run_stream_entry(std::string_view bytes) {
  input in(bytes);
  const auto view = in.choice(view_count());
  if (const auto numbers = decode_entry_header(in.piece()); !numbers) require_corrupt(numbers.error(), "a header");
  auto entry = decode_entry(std::string(in.rest()));
  if (!entry) return require_corrupt(entry.error(), "a stream entry");
  const auto again = decode_entry(encode_entry(*entry));
  require(again && encode_entry(*again) == encode_entry(*entry), "an entry does not come back");
  const auto numbers = decode_entry_header(encode_entry_header(*entry));
  require(numbers && numbers->first == entry->first_number && numbers->next == entry->next_number(),
          "an entry's numbers do not come back");
  const bool accepted = was_accepted(*entry);
  std::map<std::string, std::unique_ptr<record_decoder>> decoders;
  const auto rows = decode_stored(std::move(*entry), names().streams.find("t")->second, every_type(), decoders);
  if (rows && accepted) evaluate(*rows, view);
}

// Which view, then its state: entries to restore or to forget, or partial groups.
void run_view_state(std::string_view bytes) {
  input in(bytes);
  const auto& plan = grouped_views()[in.choice(grouped_views().size())];
  const auto op = make_owner(plan);
  operator_output out;
  for (int i = 0; i < 16 && !in.empty(); ++i) {
    const auto what = in.choice(3);
    const bool partial = what == 1;
    if (partial && !needs_shuffle(plan)) return;
    const auto key = in.piece();
    if (what == 2) {
      op->forget(key);
      continue;
    }
    const auto done = partial ? static_cast<merging_operator&>(*op).merge(key, out) : op->restore(key, in.piece());
    if (!done) return require_corrupt(done.error(), "a view's state");
  }
  std::vector<state_change> changes;
  require(op->cut(out, changes).has_value(), "a cut after restored state fails");
  close_windows(*op, false);
}

// What it is (ingest's state, a task's state, entries for a task), then its entries.
void run_shard_state(std::string_view bytes) {
  input in(bytes);
  switch (in.choice(5)) {
    case 0: return restore_ingest(in);
    case 1: return restore_task(in, control().pipelines.at("first"));
    case 2: return restore_task(in, control().pipelines.at("second"));
    case 3: return process_entries(in, control().pipelines.at("first"));
    default: return process_entries(in, control().pipelines.at("second"));
  }
}

}  // namespace weir::fuzz
