// Lists that the node answers page by page: {"items":[...],"next":"..."|null}.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tools/weir/command_tree.hpp"
#include "tools/weir/session.hpp"

namespace weir::cli {

struct paging_options {
  static constexpr std::uint64_t max_page = 1'000;  // items of one request

  std::uint64_t limit = 100;  // items in all
  std::string after;
};

// --limit and --after.
void add_paging(cli_command command, paging_options& o);

// Asks for pages until `limit` items are there: {"items":[...],"next":"..."|null}, as if the node had answered at once.
result<json> fetch_pages(api_client& node, const std::function<target()>& page, const paging_options& o);
// Says on standard error that there are more than `list` has; in a table's company only.
void tell_of_more(session& s, const json& list);

// Fetches and prints them, and says when there are more.
result<exit_code> print_pages(session& s, api_client& node, const std::function<target()>& page,
                              const paging_options& o, const std::vector<column_choice>& columns);

}  // namespace weir::cli
