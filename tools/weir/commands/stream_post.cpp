// weir stream post: a file's records into a stream, in requests with keys, so that whatever happens on the way each
// record enters once.
#include "tools/weir/commands/stream_post.hpp"

#include <array>
#include <filesystem>
#include <memory>
#include <random>

#include "tools/weir/command_tree.hpp"
#include "tools/weir/line_source.hpp"
#include "tools/weir/progress.hpp"
#include "tools/weir/record_batches.hpp"
#include "tools/weir/record_client.hpp"

namespace weir::cli {

namespace {

constexpr std::size_t max_whole_bytes = 16U << 20;  // of a body that is one record, and of a line
constexpr auto patience = std::chrono::milliseconds(200);

struct post_options {
  std::string stream, file = "-", source, key, type;
  std::size_t batch = 1'000;
};

struct body_type {
  std::string_view name, media, ending;
  bool whole;  // the file is one record
};
constexpr std::array body_types{
    body_type{"ndjson", "application/x-ndjson", ".ndjson", false},
    body_type{"json", "application/json", ".json", true},
    body_type{"csv", "text/csv", ".csv", false},
    body_type{"text", "text/plain", ".txt", false},
    body_type{"bytes", "application/octet-stream", "", true},
};

const body_type& type_of(const post_options& o) {
  const auto ending = std::filesystem::path(o.file).extension().string();
  for (const auto& known : body_types)
    if (o.type.empty() ? (!known.ending.empty() && known.ending == ending) : known.name == o.type) return known;
  return body_types.front();
}

std::string random_key() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}", random(), random(), random());
}

struct sums {
  std::uint64_t requests = 0, accepted = 0, dead = 0, repeated = 0;
  std::string first_reason;
};

class poster {
 public:
  poster(session& s, const endpoint& node, const post_options& o, const body_type& type)
      : s_(s),
        node_(node, s.timeout(), s.io().stopped),
        options_(o),
        type_(type),
        key_(o.key.empty() ? random_key() : o.key),
        line_(s) {}

  // Sends again what may not have arrived: its key makes that safe.
  status send(const std::string& body) {
    const auto key = fmt::format("{}-{}", key_, sum_.requests + 1);
    const auto where = target({"streams", options_.stream, "records"}).query("source", options_.source);
    for (const auto end = std::chrono::steady_clock::now() + s_.timeout();;) {
      auto answer = node_.post(where, {type_.media, body, key});
      const bool broken = !answer && answer.error().code == errc::unavailable;
      const bool busy = answer && (answer->status == 503 || answer->status == 504);
      if ((!broken && !busy) || std::chrono::steady_clock::now() >= end) return count(std::move(answer));
      line_.say(fmt::format("request {}: {}, trying again", sum_.requests + 1,
                            broken ? answer.error().message : error_of(*answer, node_.node()).message));
      if (!s_.pause(std::chrono::milliseconds(500))) return fail(errc::cancelled, "interrupted");
    }
  }
  const sums& sum() const { return sum_; }

 private:
  status count(result<response> answer) {
    if (!answer) return fail(std::move(answer).error());
    WEIR_TRY(said, json_of(*answer, node_.node()));
    ++sum_.requests;
    sum_.accepted += said.value("accepted", std::uint64_t{0});
    sum_.dead += said.value("dead", std::uint64_t{0});
    if (said.value("repeated", false)) ++sum_.repeated;
    if (sum_.first_reason.empty()) sum_.first_reason = cell_text(said.value("first_reason", json()));
    line_.say(fmt::format("{} records in stream {}, {} dead letters", sum_.accepted, options_.stream, sum_.dead));
    return {};
  }

  session& s_;
  record_client node_;
  const post_options& options_;
  const body_type& type_;
  std::string key_;
  progress line_;
  sums sum_;
};

status send_lines(session& s, poster& to, line_source& from, const post_options& o, bool csv) {
  record_batches batches(o.batch, csv);
  for (std::string line;;) {
    if (s.io().stopped) return fail(errc::cancelled, "interrupted");
    WEIR_TRY(got, from.next(line, patience));
    if (got == line_source::got::line) batches.add(line);
    // A slow input does not wait for company, unless the same delivery must fall into the same requests again.
    const bool all_there = got == line_source::got::end || (got == line_source::got::nothing_yet && o.key.empty());
    const bool now = all_there ? !batches.empty() : batches.full();
    if (now) WEIR_TRY_VOID(to.send(batches.take()));
    if (got == line_source::got::end) return {};
  }
}

result<exit_code> post(session& s, const post_options& o) {
  const auto& type = type_of(o);
  WEIR_TRY(from, line_source::open(o.file, max_whole_bytes));
  WEIR_TRY(node, s.node());
  poster to(s, node->node(), o, type);
  if (type.whole) {
    WEIR_TRY(body, from.all(max_whole_bytes, s.io().stopped));
    WEIR_TRY_VOID(to.send(body));
  } else {
    WEIR_TRY_VOID(send_lines(s, to, from, o, type.name == "csv"));
  }
  const auto& sum = to.sum();
  s.print().done(fmt::format("{} records in stream {}, {} dead letters", sum.accepted, o.stream, sum.dead),
                 {{"stream", o.stream},
                  {"requests", sum.requests},
                  {"repeated", sum.repeated},
                  {"accepted", sum.accepted},
                  {"dead", sum.dead}});
  if (sum.dead == 0) return exit_code::ok;
  s.io().err << "weir: " << sum.dead << " records could not be read; the first: " << sum.first_reason << "\n"
             << "  look: weir dead-letter list " << o.stream << "\n";
  return exit_code::failure;
}

}  // namespace

void add_stream_post_command(cli_command noun, action& chosen) {
  auto command = add_command(noun, "post", "Sends a file's records, or standard input's, into a stream",
                             "stream post camera shots.ndjson\n"
                             "stream post weather hours.csv --source station-7 --key 2024-06\n"
                             "instrument | weir stream post camera - --batch 100");
  auto o = std::make_shared<post_options>();
  std::vector<std::string> types;
  for (const auto& known : body_types) types.emplace_back(known.name);
  command.add_option("STREAM", o->stream, "Name of the stream").required();
  command.add_option("FILE", o->file, "File with the records; - is standard input").type_name("FILE").shows_default();
  command.add_option("--source", o->source, "Source that the records belong to, of connector http (default: none)");
  command.add_option("--key", o->key,
                     "Name of this delivery: sent again with it, no record enters twice (default: a random one)");
  command.add_option("--batch", o->batch, "Lines of one request").between(1, 100'000).shows_default();
  command.add_option("--type", o->type, "What the file is (default: by its name's ending, else ndjson)").one_of(types);
  command.callback([&chosen, o] { chosen = [o](session& s) { return post(s, *o); }; });
}

}  // namespace weir::cli
