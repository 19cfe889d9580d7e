#include "tools/weir/output/printer.hpp"

#include <algorithm>

#include "tools/weir/output/csv.hpp"
#include "tools/weir/output/display_text.hpp"
#include "tools/weir/output/table.hpp"

namespace weir::cli {

namespace {

std::string dump(const json& value, int indent) {
  return value.dump(indent, ' ', false, json::error_handler_t::replace) + "\n";
}

// The value at a dotted path; null when there is none.
const json& at_path(const json& item, std::string_view path) {
  static const json none;
  const json* here = &item;
  while (true) {
    if (!here->is_object()) return none;
    if (const auto whole = here->find(std::string(path)); whole != here->end()) return *whole;
    const auto dot = path.find('.');
    const auto found = here->find(std::string(path.substr(0, dot)));
    if (found == here->end()) return none;
    here = &*found;
    if (dot == std::string_view::npos) return *here;
    path.remove_prefix(dot + 1);
  }
}

// `columns`, and whatever other keys the items have.
std::vector<column_choice> with_own_keys(std::vector<column_choice> columns, const json& items) {
  for (const auto& item : items) {
    if (!item.is_object()) continue;
    for (const auto& [key, value] : item.items()) {
      const auto same = [&name = key](const column_choice& c) { return c.key == name; };
      if (std::none_of(columns.begin(), columns.end(), same)) columns.push_back({key, key});
    }
  }
  return columns;
}

std::size_t clamp_width(std::size_t width) { return std::min<std::size_t>(std::max<std::size_t>(width, 8), 40); }

}  // namespace

result<output_format> parse_output_format(const std::string& name) {
  if (name == "table") return output_format::as_table;
  if (name == "json") return output_format::as_json;
  if (name == "csv") return output_format::as_csv;
  return fail(errc::invalid_argument, "the output format '{}' is not known: table, json or csv", name);
}

std::string cell_text(const json& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

void printer::rows(const std::vector<column_choice>& columns, const std::vector<std::vector<std::string>>& cells,
                   const std::vector<bool>& right_aligned) const {
  if (format_ == output_format::as_csv) {
    std::vector<std::string> keys;
    for (const auto& c : columns) keys.push_back(c.key);
    io_.out << csv_line(keys);
    for (const auto& row : cells) io_.out << csv_line(row);
    return;
  }
  table t;
  for (std::size_t i = 0; i < columns.size(); ++i) t.columns.push_back({columns[i].heading, right_aligned[i]});
  t.rows = cells;
  io_.out << t.render(io_.width, colour_);
}

void printer::list(const json& items, const std::vector<column_choice>& chosen, const json& whole) const {
  if (format_ == output_format::as_json) {
    io_.out << dump(whole, 2);
    return;
  }
  const bool all = chosen.empty() || format_ == output_format::as_csv;
  const auto columns = all ? with_own_keys(chosen, items) : chosen;
  if (columns.empty() || items.empty()) {
    if (format_ == output_format::as_table) io_.err << "nothing to show\n";
    return;
  }
  std::vector<std::vector<std::string>> cells;
  std::vector<bool> numeric(columns.size(), true);
  for (const auto& item : items) {
    auto& row = cells.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto& value = at_path(item, columns[i].key);
      row.push_back(cell_text(value));
      if (!value.is_null() && !value.is_number()) numeric[i] = false;
    }
  }
  rows(columns, cells, numeric);
}

void printer::object(const json& value) const {
  if (format_ == output_format::as_json) {
    io_.out << dump(value, 2);
    return;
  }
  if (format_ == output_format::as_csv) {
    list(json::array({value}), {}, value);
    return;
  }
  std::size_t widest = 0;
  for (const auto& [key, item] : value.items()) widest = std::max(widest, display_width(key));
  for (const auto& [key, item] : value.items()) {
    const auto text = cell_text(item);
    // Text of several lines (a view's SQL) stays so, indented; its other control characters are harmless.
    std::string shown;
    std::size_t from = 0;
    while (from <= text.size()) {
      const auto end = std::min(text.find('\n', from), text.size());
      if (from > 0) shown.append(1, '\n').append(widest + 2, ' ');
      shown += printable(std::string_view(text).substr(from, end - from));
      from = end + 1;
    }
    io_.out << key << std::string(widest + 2 - display_width(key), ' ') << shown << "\n";
  }
}

void printer::relation(const json& answer) const {
  if (format_ == output_format::as_json) {
    io_.out << dump(answer, 2);
    return;
  }
  std::vector<column_choice> columns;
  for (const auto& c : answer.value("columns", json::array())) {
    const auto name = c.is_object() ? c.value("name", "") : cell_text(c);
    columns.push_back({name, name});
  }
  std::vector<std::vector<std::string>> cells;
  std::vector<bool> numeric(columns.size(), true);
  for (const auto& row : answer.value("rows", json::array())) {
    auto& made = cells.emplace_back(columns.size());
    for (std::size_t i = 0; i < columns.size() && i < row.size(); ++i) {
      made[i] = cell_text(row[i]);
      if (!row[i].is_null() && !row[i].is_number()) numeric[i] = false;
    }
  }
  rows(columns, cells, numeric);
}

void printer::done(const std::string& sentence, const json& answer) const {
  if (format_ == output_format::as_json) {
    io_.out << dump(answer, 2);
  } else {
    io_.out << sentence << "\n";
  }
}

void printer::stream::row(const json& object, bool deleted) {
  auto& out = owner_.io_.out;
  if (owner_.format_ == output_format::as_json) {
    json line = object;
    if (deleted) line = json{{"deleted", object}};
    out << dump(line, -1) << std::flush;
    return;
  }
  const bool first = keys_.empty();
  std::vector<std::string> cells, heading;
  if (first) {
    for (const auto& [key, value] : object.items()) keys_.push_back(key);
  }
  for (const auto& key : keys_) cells.push_back(cell_text(at_path(object, key)));
  if (owner_.format_ == output_format::as_csv) {
    if (first) {
      heading = keys_;
      heading.push_back("deleted");
      out << csv_line(heading);
    }
    cells.push_back(deleted ? "true" : "false");
    out << csv_line(cells) << std::flush;
    return;
  }
  std::string text, names;
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    auto shown = printable(cells[i]);
    if (first) widths_.push_back(clamp_width(std::max(display_width(shown), display_width(keys_[i]))));
    const auto pad = [&](std::string cell) {
      const auto used = display_width(cell);
      const bool last = i + 1 == keys_.size();
      return last ? cell : cell + std::string(widths_[i] > used ? widths_[i] - used + 2 : 2, ' ');
    };
    names += pad(keys_[i]);
    text += pad(std::move(shown));
  }
  if (deleted) text += "  (deleted)";
  const auto fitted = [&](const std::string& line) {
    return owner_.io_.width > 0 ? truncated(line, owner_.io_.width) : line;
  };
  if (first) out << (owner_.colour_ ? "\x1b[1m" : "") << fitted(names) << (owner_.colour_ ? "\x1b[0m" : "") << "\n";
  out << fitted(text) << "\n" << std::flush;
}

}  // namespace weir::cli
