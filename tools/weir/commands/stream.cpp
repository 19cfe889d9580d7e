#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <tuple>
#include <vector>

#include "tools/weir/command_tree.hpp"
#include "tools/weir/commands/commands.hpp"
#include "tools/weir/commands/paging.hpp"
#include "tools/weir/commands/stream_post.hpp"

namespace weir::cli {

namespace {

result<exit_code> list(session& s) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->get(target({"streams"})));
  s.print().list(items_of(answer),
                 {{"name", "NAME"},
                  {"format", "FORMAT"},
                  {"records", "RECORDS"},
                  {"late", "LATE"},
                  {"dead_letters", "DEAD LETTERS"},
                  {"watermark", "WATERMARK"}},
                 answer);
  return exit_code::ok;
}

result<exit_code> show(session& s, const std::string& name) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->get(target({"streams", name})));
  s.print().object(answer);
  return exit_code::ok;
}

result<exit_code> records(session& s, const std::string& name, const paging_options& page) {
  WEIR_TRY(node, s.node());
  return print_pages(s, *node,
                     [&] {
                       return target({"streams", name, "records"});
                     },
                     page,
                     {{"source", "SOURCE"},
                      {"sequence", "SEQUENCE"},
                      {"event_time", "EVENT TIME"},
                      {"late", "LATE"},
                      {"record", "RECORD"}});
}

struct stream_tail_options {
  std::string name;
  std::uint64_t last = 0;   // records from before now to begin with
  std::uint64_t limit = 0;  // 0: none
};

constexpr auto poll_interval = std::chrono::milliseconds(500);
constexpr std::uint64_t page_size = 1'000;

// Tells records apart that were seen before, by each source's own numbers.
class new_records {
 public:
  std::vector<json> take(const json& page) {
    std::vector<json> fresh;
    for (const auto& item : page) {
      if (item.is_object() && item.value("sequence", std::int64_t{0}) > highest(item)) fresh.push_back(item);
    }
    std::stable_sort(fresh.begin(), fresh.end(), [](const json& a, const json& b) { return order(a) < order(b); });
    for (const auto& item : fresh) {
      auto& seen = seen_.try_emplace(item.value("source", ""), -1).first->second;
      seen = std::max(seen, item.value("sequence", std::int64_t{0}));
    }
    return fresh;
  }

 private:
  static std::tuple<std::string, std::string, std::int64_t> order(const json& item) {
    return {cell_text(item.value("arrival", json())), item.value("source", ""),
            item.value("sequence", std::int64_t{0})};
  }
  std::int64_t highest(const json& item) const {
    const auto found = seen_.find(item.value("source", ""));
    return found == seen_.end() ? -1 : found->second;
  }

  std::map<std::string, std::int64_t> seen_;
};

// Records have no live feed of their own: this asks for the newest page again and again.
result<exit_code> tail(session& s, const stream_tail_options& o) {
  WEIR_TRY(node, s.node());
  printer::stream rows(s.print());
  new_records records_of;
  std::uint64_t count = 0;
  for (bool first = true;; first = false) {
    const auto page = node->get(target({"streams", o.name, "records"}).query("limit", std::to_string(page_size)));
    if (!page && page.error().code == errc::cancelled) return exit_code::ok;
    if (!page) return fail(page.error());
    const auto fresh = records_of.take(items_of(*page));
    if (!first && fresh.size() == page_size)
      s.io().err << "weir: records were left out: they come too fast to follow\n";
    const std::size_t begin = first ? fresh.size() - std::min<std::size_t>(fresh.size(), o.last) : 0;
    for (std::size_t i = begin; i < fresh.size(); ++i) {
      rows.row(fresh[i], false);
      if (++count == o.limit) return exit_code::ok;
    }
    if (!s.pause(poll_interval)) return exit_code::ok;
  }
}

void add_tail(cli_command noun, action& chosen) {
  auto command = add_command(noun, "tail", "Prints records of a stream as they are committed, until Ctrl-C",
                             "stream tail camera\nstream tail camera --last 20 --limit 100 -o json");
  auto o = std::make_shared<stream_tail_options>();
  command.add_option("NAME", o->name, "Name of the stream").required();
  command.add_option("--last", o->last, "Begin with so many records from before now")
      .between(0, page_size)
      .shows_default();
  command.add_option("--limit", o->limit, "End after so many records");
  command.callback([&chosen, o] { chosen = [o](session& s) { return tail(s, *o); }; });
}

}  // namespace

void add_stream_commands(cli_command program, action& chosen) {
  auto noun = add_noun(program, "stream", "Streams: declared topics of records");
  add_command(noun, "list", "Lists all streams", "stream list").callback([&chosen] { chosen = list; });

  auto shown = add_command(noun, "show", "Shows a stream's schema and counts", "stream show camera");
  auto name = std::make_shared<std::string>();
  shown.add_option("NAME", *name, "Name of the stream").required();
  shown.callback([&chosen, name] { chosen = [name](session& s) { return show(s, *name); }; });

  auto head = add_command(noun, "records", "Prints committed records of a stream, the newest page",
                          "stream records camera --limit 20");
  auto page = std::make_shared<paging_options>();
  auto stream = std::make_shared<std::string>();
  head.add_option("NAME", *stream, "Name of the stream").required();
  add_paging(head, *page);
  head.callback(
      [&chosen, stream, page] { chosen = [stream, page](session& s) { return records(s, *stream, *page); }; });
  add_tail(noun, chosen);
  add_stream_post_command(noun, chosen);
}

}  // namespace weir::cli
