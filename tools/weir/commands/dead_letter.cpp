#include <memory>

#include "tools/weir/command_tree.hpp"
#include "tools/weir/commands/commands.hpp"
#include "tools/weir/commands/paging.hpp"
#include "tools/weir/text_file.hpp"

namespace weir::cli {

namespace {

constexpr std::size_t max_record_bytes = 16U << 20;

struct letter_options {
  std::string stream, id, record, record_file;
  bool late = false;
  paging_options page;
};

result<exit_code> list(session& s, const letter_options& o) {
  WEIR_TRY(node, s.node());
  const auto page = [&] { return target({"dead_letters", o.stream}).query("late", o.late ? "true" : ""); };
  return print_pages(s, *node, page, o.page,
                     {{"id", "ID"},
                      {"source", "SOURCE"},
                      {"sequence", "SEQUENCE"},
                      {"event_time", "EVENT TIME"},
                      {"reason", "REASON"},
                      {"record", "RECORD"}});
}

result<exit_code> show(session& s, const letter_options& o) {
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->get(target({"dead_letters", o.stream, o.id})));
  s.print().object(answer);
  return exit_code::ok;
}

result<exit_code> retry(session& s, const letter_options& o) {
  json body = json::object();
  if (!o.record.empty()) body["record"] = o.record;
  if (!o.record_file.empty()) {
    WEIR_TRY(record, read_text_file(o.record_file, max_record_bytes));
    body["record"] = std::move(record);
  }
  WEIR_TRY(node, s.node());
  WEIR_TRY(answer, node->post(target({"dead_letters", o.stream, o.id, "retry"}), body));
  s.print().done(fmt::format("dead letter '{}' of '{}' sent again", o.id, o.stream), answer);
  return exit_code::ok;
}

using call = result<exit_code> (*)(session&, const letter_options&);

cli_command add(cli_command noun, action& chosen, const std::shared_ptr<letter_options>& o, const char* name,
                const char* what, const char* examples, call run) {
  auto command = add_command(noun, name, what, examples);
  command.add_option("NAME", o->stream, "Name of the stream or view").required();
  command.callback([&chosen, o, run] { chosen = [o, run](session& s) { return run(s, *o); }; });
  return command;
}

}  // namespace

void add_dead_letter_commands(cli_command program, action& chosen) {
  auto noun = add_noun(program, "dead-letter", "Dead letters: records that a stream or a view had to refuse");
  auto o = std::make_shared<letter_options>();
  auto listing = add(noun, chosen, o, "list", "Lists refused records with their reasons",
                     "dead-letter list camera\ndead-letter list sock_seen --late", list);
  listing.add_flag("--late", o->late, "The late records of a view instead");
  add_paging(listing, o->page);

  auto shown = add(noun, chosen, o, "show", "Shows one refused record with its original bytes",
                   "dead-letter show camera 3-118", show);
  shown.add_option("ID", o->id, "Id of the dead letter, from dead-letter list").required();

  auto again = add(noun, chosen, o, "retry", "Sends a refused record through ingest again, as it is or corrected",
                   "dead-letter retry camera 3-118\n"
                   "dead-letter retry camera 3-118 --record '{\"image\":\"Sock\",\"probability\":0.9}'",
                   retry);
  again.add_option("ID", o->id, "Id of the dead letter").required();
  auto record = again.add_option("--record", o->record, "The corrected record");
  again.add_option("--record-file", o->record_file, "File that holds the corrected record; - is standard input")
      .type_name("FILE")
      .excludes(record);
}

}  // namespace weir::cli
