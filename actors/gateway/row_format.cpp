#include "actors/gateway/row_format.hpp"

#include <algorithm>
#include <charconv>

#include "actors/gateway/problem.hpp"

namespace weir {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Cuts the next piece off `rest`.
std::string_view next_piece(std::string_view& rest, char separator) {
  const auto end = std::min(rest.find(separator), rest.size());
  const auto piece = trimmed(rest.substr(0, end));
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return piece;
}

struct media_range {
  std::string_view type;
  double quality = 1;
  // 3: the type itself, 2: type/*, 1: */*, 0: does not cover it.
  int covers(std::string_view media) const {
    if (type == media) return 3;
    if (type == "*/*") return 1;
    const bool family = type.ends_with("/*") && media.starts_with(type.substr(0, type.size() - 1));
    return family ? 2 : 0;
  }
};

std::vector<media_range> parse_accept(std::string_view accept) {
  std::vector<media_range> out;
  while (!accept.empty()) {
    auto element = next_piece(accept, ',');
    media_range range{next_piece(element, ';')};
    while (!element.empty()) {
      const auto option = next_piece(element, ';');
      if (!option.starts_with("q=")) continue;
      const auto digits = option.substr(2);
      std::from_chars(digits.data(), digits.data() + digits.size(), range.quality);
    }
    out.push_back(range);
  }
  return out;
}

double quality_of(const std::vector<media_range>& ranges, std::string_view media) {
  int most_specific = 0;
  double quality = 0;
  for (const auto& range : ranges) {
    const int specific = range.covers(media);
    if (specific <= most_specific) continue;
    most_specific = specific;
    quality = range.quality;
  }
  return quality;
}

std::string csv_field(const nlohmann::json& value) {
  if (value.is_null()) return {};
  const std::string text = value.is_string() ? value.get<std::string>() : json_text(value);
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

template <class Fields>
void add_csv_line(std::string& out, const Fields& fields) {
  bool first = true;
  for (const auto& field : fields) {
    if (!first) out += ',';
    out += csv_field(field);
    first = false;
  }
  out += "\r\n";
}

void add_missing(std::vector<std::string>& columns, const nlohmann::json& items) {
  for (const auto& item : items) {
    if (!item.is_object()) continue;
    for (const auto& member : item.items()) {
      if (std::find(columns.begin(), columns.end(), member.key()) == columns.end()) columns.push_back(member.key());
    }
  }
}

std::string as_csv(const nlohmann::json& items, std::vector<std::string> columns) {
  add_missing(columns, items);
  std::string out;
  add_csv_line(out, columns);
  std::vector<nlohmann::json> line(columns.size());
  for (const auto& item : items) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto found = item.find(columns[i]);
      line[i] = found == item.end() ? nlohmann::json() : *found;
    }
    add_csv_line(out, line);
  }
  return out;
}

// A file name of letters that no shell, header or file system takes for something else.
std::string file_name(std::string_view name, std::string_view ending) {
  std::string out;
  for (const char c : name.substr(0, 100)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    out += plain ? c : '-';
  }
  return out.append(ending);
}

http_response text_response(row_media media, std::string body, std::string_view name) {
  http_response out{.content_type = std::string(media_type(media)), .body = std::move(body)};
  if (media == row_media::csv) {
    out.content_type += "; charset=utf-8; header=present";
    out.headers.emplace_back("Content-Disposition", "attachment; filename=\"" + file_name(name, ".csv") + "\"");
  }
  return out;
}

}  // namespace

std::string_view media_type(row_media media) {
  switch (media) {
    case row_media::csv: return "text/csv";
    case row_media::ndjson: return "application/x-ndjson";
    case row_media::json: return "application/json";
  }
  return "application/json";
}

std::optional<std::size_t> choose_media(std::string_view accept, const std::vector<std::string_view>& offered) {
  if (trimmed(accept).empty()) return 0;
  const auto ranges = parse_accept(accept);
  std::optional<std::size_t> best;
  double best_quality = 0;
  for (std::size_t i = 0; i < offered.size(); ++i) {
    const double quality = quality_of(ranges, offered[i]);
    if (quality <= best_quality) continue;
    best = i;
    best_quality = quality;
  }
  return best;
}

http_response row_response(row_media media, const nlohmann::json& page, const std::vector<std::string>& columns,
                           std::string_view name) {
  if (media == row_media::json) return json_response(page);
  const nlohmann::json items = page.value("items", nlohmann::json::array());
  std::string body;
  if (media == row_media::csv) {
    body = as_csv(items, columns);
  } else {
    for (const auto& item : items) body += json_text(item) + "\n";
  }
  http_response out = text_response(media, std::move(body), name);
  const auto next = page.find("next");
  if (next != page.end() && next->is_string()) out.headers.emplace_back("Weir-Next", next->get<std::string>());
  return out;
}

http_response table_response(row_media media, const nlohmann::json& table, std::string_view name) {
  if (media == row_media::json) return json_response(table);
  std::vector<std::string> columns;
  for (const auto& column : table.value("columns", nlohmann::json::array()))
    columns.push_back(column.value("name", ""));
  std::string body;
  if (media == row_media::csv) add_csv_line(body, columns);
  for (const auto& row : table.value("rows", nlohmann::json::array())) {
    if (media == row_media::csv) {
      add_csv_line(body, row);
      continue;
    }
    nlohmann::ordered_json object = nlohmann::ordered_json::object();
    for (std::size_t i = 0; i < std::min(columns.size(), row.size()); ++i) object[columns[i]] = row[i];
    body += object.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  }
  return text_response(media, std::move(body), name);
}

}  // namespace weir
