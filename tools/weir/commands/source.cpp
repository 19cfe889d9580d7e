#include <memory>

#include "runtime/config/config.hpp"
#include "tools/weir/command_tree.hpp"
#include "tools/weir/commands/commands.hpp"
#include "tools/weir/commands/paging.hpp"
#include "tools/weir/commands/source_groups.hpp"
#include "tools/weir/progress.hpp"

namespace weir::cli {

namespace {

struct source_options {
  std::string name, stream, connector, from;
  std::vector<std::string> options;
  bool wait = false;
};

json described(const source_options& o) {
  json options = json::object();
  for (const auto& text : o.options) options[text.substr(0, text.find('='))] = text.substr(text.find('=') + 1);
  return {{"name", o.name}, {"stream", o.stream}, {"connector", o.connector}, {"options", std::move(options)}};
}

std::string check_key_value(const std::string& text) {
  const auto equals = text.find('=');
  if (equals != 0 && equals != std::string::npos) return {};
  return fmt::format("'{}' is not of the form key=value, like --option path=/data/cam1.jsonl", text);
}

void check_complete(const source_options& o) {
  if (!o.from.empty()) return;
  for (const auto& [value, flag] : {std::pair(o.name, "NAME"), {o.stream, "--stream"}, {o.connector, "--connector"}}) {
    if (value.empty()) {
      refuse_usage(fmt::format("{} is missing", flag),
                   "give NAME, --stream and --connector, or a list with --from FILE");
    }
  }
}

// The sources of a file, as config.toml lists them; relative paths in it become absolute.
result<std::vector<json>> listed(const std::string& file) {
  WEIR_TRY(read, load_config(file));
  if (read.listed_sources.empty()) {
    return with_hint(fail(errc::invalid_argument, "'{}' lists no source", file),
                     "a source is written as: [[source]] name = \"cam1\" stream = \"camera\" connector = \"file\" ...");
  }
  std::vector<json> sources;
  for (const auto& s : read.listed_sources) {
    sources.push_back({{"name", s.name}, {"stream", s.stream}, {"connector", s.connector}, {"options", s.options}});
  }
  return sources;
}

// Follows one source until it has ended; unhealthy when it fails.
result<exit_code> wait_until_ended(session& s, api_client& node, const std::string& name) {
  progress line(s);
  for (const auto end = std::chrono::steady_clock::now() + s.timeout();;) {
    WEIR_TRY(source, node.get(target({"sources", name})));
    const auto state = source.value("state", "");
    const auto cell = [&](const char* key) { return cell_text(source.value(key, json())); };
    line.say(fmt::format("{}: {}, {} records/s, lag {}", name, state, cell("rate"), cell("lag")));
    if (state == "ended") return exit_code::ok;
    if (state == "failed" || state == "quarantined") {
      s.io().err << "weir: source '" << name << "' has failed: " << cell("last_error") << "\n";
      return exit_code::unhealthy;
    }
    if (std::chrono::steady_clock::now() >= end) {
      return with_hint(fail(errc::timeout, "source '{}' has not ended in time; it goes on", name),
                       "wait longer with --timeout SECONDS, or look: weir source show " + name);
    }
    if (!s.pause(std::chrono::milliseconds(500))) return fail(errc::cancelled, "interrupted; the source goes on");
  }
}

result<exit_code> add(session& s, const source_options& o) {
  std::vector<json> sources;
  if (o.from.empty()) {
    sources.push_back(described(o));
  } else {
    WEIR_TRY(several, listed(o.from));
    sources = std::move(several);
  }
  WEIR_TRY(node, s.node());
  const json body = o.from.empty() ? sources.front() : json{{"sources", sources}};
  WEIR_TRY(answer, node->post(target({"sources"}), body));
  s.print().done(sources.size() == 1 ? fmt::format("source '{}' added", sources.front().value("name", ""))
                                     : fmt::format("{} sources added", sources.size()),
                 answer);
  if (!o.wait) return exit_code::ok;
  for (const auto& source : sources) {
    WEIR_TRY(ended, wait_until_ended(s, *node, source.value("name", "")));
    if (ended != exit_code::ok) return ended;
  }
  return exit_code::ok;
}

// What the source's first records would become; nothing is added.
result<exit_code> test(session& s, const source_options& o) {
  json body = o.connector.empty() ? json{{"name", o.name}} : described(o);
  if (o.name.empty()) body.erase("name");
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->post(target({"sources", "test"}), body));
  const auto& dead = answer["dead"];
  const bool any = answer.value("records", 0) > 0;
  if (s.print().format() == output_format::as_json)
    s.print().object(answer);
  else if (answer.contains("rows"))
    s.print().relation(answer);
  for (const auto& letter : dead)
    s.io().err << "weir: a record that cannot be read: " << cell_text(letter.value("reason", json())) << "\n"
               << "  " << cell_text(letter.value("record", letter.value("record_base64", json()))) << "\n";
  if (!any) s.io().err << "weir: it opened, and no record came in " << answer.value("took_ms", 0) << " ms\n";
  return !any ? exit_code::unhealthy : dead.empty() ? exit_code::ok : exit_code::failure;
}

struct list_options {
  paging_options page{1'000'000, {}};  // all, unless asked otherwise
  bool each = false;
};

// Only a table is folded: who reads JSON or CSV gets every source.
result<exit_code> list(session& s, const list_options& o) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(sources, fetch_pages(
                        *node, [] { return target({"sources"}); }, o.page));
  const bool folds = !o.each && s.print().format() == output_format::as_table;
  s.print().list(folds ? fold_groups(sources["items"]) : sources["items"],
                 {{"name", "NAME"},
                  {"stream", "STREAM"},
                  {"connector", "CONNECTOR"},
                  {"state", "STATE"},
                  {"rate", "RECORDS/S"},
                  {"lag", "LAG"},
                  {"last_error", "LAST ERROR"}},
                 sources);
  tell_of_more(s, sources);
  return exit_code::ok;
}

result<exit_code> show(session& s, const std::string& name) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->get(target({"sources", name})));
  s.print().object(answer);
  return exit_code::ok;
}

result<exit_code> set_paused(session& s, const std::string& name, bool paused) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->post(target({"sources", name, paused ? "pause" : "resume"}), json::object()));
  s.print().done(fmt::format("source '{}' {}", name, paused ? "paused" : "resumed"), answer);
  return exit_code::ok;
}

result<exit_code> remove(session& s, const std::string& name) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->remove(target({"sources", name})));
  s.print().done(fmt::format("source '{}' removed; its records stay in the stream", name), answer);
  return exit_code::ok;
}

std::vector<cli_option> add_description(cli_command command, source_options& o) {
  return {command.add_option("NAME", o.name, "Name of the source"),
          command.add_option("--stream", o.stream, "Stream that its records go to"),
          command.add_option("--connector", o.connector, "How it is read; all kinds: weir status --connectors"),
          command.add_option("--option", o.options, "Setting of the connector, key=value; may be given several times")
              .type_name("KEY=VALUE")
              .check(check_key_value)};
}

void add_testing(cli_command noun, action& chosen) {
  auto command = add_command(noun, "test", "Tries a source without adding it: shows what its first records become",
                             "source test cam1\n"
                             "source test --stream camera --connector file --option path=/data/cam1.jsonl");
  auto o = std::make_shared<source_options>();
  add_description(command, *o);
  command.callback([&chosen, o] {
    const bool one_that_is_there = !o->name.empty() && o->stream.empty() && o->connector.empty();
    if (!one_that_is_there && (o->stream.empty() || o->connector.empty()))
      refuse_usage("NAME is missing", "name a source that is there, or give --stream and --connector");
    chosen = [o](session& s) { return test(s, *o); };
  });
}

void add_adding(cli_command noun, action& chosen) {
  auto command = add_command(noun, "add", "Adds a source to a stream, or a list of sources that open together",
                             "source add cam1 --stream camera --connector file --option path=/data/cam1.jsonl\n"
                             "source add --from sources.toml --wait");
  auto o = std::make_shared<source_options>();
  const auto single = add_description(command, *o);
  auto from =
      command.add_option("--from", o->from, "TOML file with [[source]] entries, as in config.toml").type_name("FILE");
  for (const auto& option : single) from.excludes(option);
  command.add_flag("--wait", o->wait, "Return when the source has ended; at most --timeout seconds");
  command.callback([&chosen, o] {
    check_complete(*o);
    chosen = [o](session& s) { return add(s, *o); };
  });
}

void add_listing(cli_command noun, action& chosen) {
  auto command = add_command(noun, "list",
                             "Lists all sources with their state, rate and lag; those that POST fills without naming "
                             "one are a line per stream",
                             "source list\nsource list --each\nsource list -o json");
  auto o = std::make_shared<list_options>();
  add_paging(command, o->page);
  command.add_flag("--each", o->each, "A line for each of the sources that POST fills without naming one");
  command.callback([&chosen, o] { chosen = [o](session& s) { return list(s, *o); }; });
}

}  // namespace

void add_source_commands(cli_command program, action& chosen) {
  auto noun = add_noun(program, "source", "Sources: instruments and feeds that write into a stream");
  add_adding(noun, chosen);
  add_testing(noun, chosen);
  add_listing(noun, chosen);

  using call = result<exit_code> (*)(session&, const std::string&);
  const auto named = [&](const char* name, const char* what, const char* example, call run) {
    auto command = add_command(noun, name, what, example);
    auto source = std::make_shared<std::string>();
    command.add_option("NAME", *source, "Name of the source").required();
    command.callback([&chosen, source, run] { chosen = [source, run](session& s) { return run(s, *source); }; });
  };
  named("show", "Shows one source with its options, position and last error", "source show cam1", show);
  named("pause", "Stops reading a source; it keeps its position", "source pause cam1",
        [](session& s, const std::string& name) { return set_paused(s, name, true); });
  named("resume", "Reads a paused source again, from where it stopped", "source resume cam1",
        [](session& s, const std::string& name) { return set_paused(s, name, false); });
  named("remove", "Removes a source; its records stay", "source remove cam1", remove);
}

}  // namespace weir::cli
