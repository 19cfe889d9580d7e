#include "tools/weir/commands/paging.hpp"

#include <algorithm>

namespace weir::cli {

void add_paging(cli_command command, paging_options& o) {
  command.add_option("--limit", o.limit, "At most so many").between(1, 1'000'000).shows_default();
  command.add_option("--after", o.after, "Go on after the mark that an earlier answer ended with");
}

result<json> fetch_pages(api_client& node, const std::function<target()>& page, const paging_options& o) {
  json all = json::array();
  std::string after = o.after;
  while (all.size() < o.limit) {
    auto where = page();
    where.query("limit", std::to_string(std::min(paging_options::max_page, o.limit - all.size())));
    where.query("after", after);
    WEIR_TRY(answer, node.get(where));
    for (auto& item : items_of(answer)) all.push_back(std::move(item));
    const auto next = answer.is_object() ? cell_text(answer.value("next", json())) : std::string();
    const bool stuck = next == after;  // a page that leads to itself has nothing more
    after = next;
    if (after.empty() || stuck) break;
  }
  return json{{"items", std::move(all)}, {"next", after.empty() ? json() : json(after)}};
}

void tell_of_more(session& s, const json& list) {
  if (list["next"].is_null() || s.print().format() != output_format::as_table) return;
  s.io().err << "there may be more: --after " << cell_text(list["next"]) << "\n";
}

result<exit_code> print_pages(session& s, api_client& node, const std::function<target()>& page,
                              const paging_options& o, const std::vector<column_choice>& columns) {
  WEIR_TRY(list, fetch_pages(node, page, o));
  s.print().list(list["items"], columns, list);
  tell_of_more(s, list);
  return exit_code::ok;
}

}  // namespace weir::cli
