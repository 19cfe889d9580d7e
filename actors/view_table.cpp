#include "actors/view_table.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "actors/opaque_token.hpp"
#include "runtime/batch/key_codec.hpp"
#include "runtime/format/json_writer.hpp"
#include "runtime/format/record_decoder.hpp"
#include "runtime/format/text_value.hpp"
#include "runtime/operators/byte_codec.hpp"

namespace weir {

namespace {

constexpr std::size_t chunk = 256;
constexpr std::size_t decode_chunk = 1'024;
constexpr char rows_token = 'r';
constexpr char after_values = 2;  // the tag that key_codec gives to nulls, which sort behind all values

std::vector<std::string_view> key_names(const view_plan& plan) {
  std::vector<std::string_view> out;
  for (const auto c : plan.key_columns) out.push_back(plan.output_columns->fields[c].name);
  return out;
}

tl::unexpected<error> bad_key(const view_plan& plan, std::string message) {
  const auto names = key_names(plan);
  return with_hint(fail(error{errc::invalid_argument, std::move(message), {}}),
                   names.empty() ? fmt::format("view {} has no key; ask with SQL: WHERE ...", plan.name)
                                 : fmt::format("the key columns of view {} are, in this order: {}", plan.name,
                                               fmt::join(names, ", ")));
}

status append_key_text(std::string& out, const field& f, std::string_view text) {
  column value(f.type);
  if (auto parsed = push_text_value(value, text); !parsed)
    return fail(errc::invalid_argument, "key column {} ({}): {}", f.name, to_string(f.type), parsed.error().text());
  append_key(out, value, 0);
  return {};
}

// The first key that no key with this prefix reaches; empty: there is none.
std::string behind_prefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (!prefix.empty()) ++prefix.back();
  return prefix;
}

result<std::string> prefix_of(const view_plan& plan, const row_query& query) {
  const auto names = key_names(plan);
  for (const auto& [name, text] : query.key)
    if (std::ranges::find(names, name) == names.end())
      return bad_key(plan, fmt::format("{} is no key column of view {}", name, plan.name));
  std::string out;
  for (std::size_t i = 0; i < query.key.size(); ++i) {
    const auto& f = plan.output_columns->fields[plan.key_columns[i]];
    const auto it = query.key.find(f.name);
    if (it == query.key.end())
      return bad_key(plan, fmt::format("the key is given without its column {}, which comes first", f.name));
    WEIR_TRY_VOID(append_key_text(out, f, it->second));
  }
  return out;
}

// The last row of a page by key, or the last of each shard on a page of the newest.
struct rows_position {
  int shard = 0;
  std::string key;
  std::vector<std::uint64_t> orders;  // not empty: newest first
};

std::string token_of(const view_plan& plan, const rows_position& at) {
  std::string bytes;
  put_bytes(bytes, plan.name);
  put_varint(bytes, at.orders.size());
  for (const auto order : at.orders) put_varint(bytes, order);
  put_varint(bytes, static_cast<std::uint64_t>(at.shard));
  put_bytes(bytes, at.key);
  return to_token(rows_token, bytes);
}

result<rows_position> position_of(const view_plan& plan, bool newest, int shards, std::string_view token) {
  const auto bytes = from_token(rows_token, token);
  byte_reader r(bytes ? std::string_view(*bytes) : std::string_view());
  const auto view = r.bytes();
  const auto lanes = r.varint(), wanted = newest ? static_cast<std::uint64_t>(shards) : 0;
  rows_position at;
  for (std::uint64_t i = 0; i < lanes && lanes == wanted; ++i) at.orders.push_back(r.varint());
  const auto shard = r.varint();
  at.shard = static_cast<int>(shard);
  at.key = r.bytes();
  if (!bytes || !r.ok() || !r.at_end() || view != plan.name || lanes != wanted ||
      shard >= static_cast<std::uint64_t>(shards))
    return with_hint(fail(errc::invalid_argument, "{} is no position in this list of rows of view {}",
                          quoted_excerpt(token), plan.name),
                     "give `after` what the page before answered as `next`, with the same view and order");
  return at;
}

result<nlohmann::json> parse_row(const view_plan& plan, const std::string& text) {
  auto row = nlohmann::json::parse(text, nullptr, false);
  if (row.is_discarded())
    return fail(errc::corrupt, "a stored row of view {} is no JSON: {}", plan.name, quoted_excerpt(text));
  return row;
}

status decode_rows(const view_plan& plan, record_decoder& decoder, const raw_records& texts, batch_builder& out) {
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  decoder.decode(texts, 0, texts.size(), out, decoded, failures);
  if (failures.empty()) return {};
  return fail(errc::corrupt, "a stored row of view {} cannot be read: {}", plan.name, failures.front().reason);
}

// Takes the row that comes first of those that stand first in their lanes; of equal ones the first shard's.
template <class Lanes, class Before>
std::optional<shard_row> take_best(Lanes& lanes, Before before) {
  auto best = lanes.end();
  for (auto it = lanes.begin(); it != lanes.end(); ++it)
    if (!it->ready.empty() && (best == lanes.end() || before(it->ready.front(), best->ready.front()))) best = it;
  if (best == lanes.end()) return std::nullopt;
  shard_row out{static_cast<int>(best - lanes.begin()), std::move(best->ready.front())};
  best->ready.pop_front();
  return out;
}

// One page: rows from `rows` as long as there is room, then where the next page goes on.
template <class Rows>
result<nlohmann::json> page_of(const view_plan& plan, Rows& rows, std::size_t limit, rows_position at) {
  nlohmann::json items = nlohmann::json::array(), next;
  for (;;) {
    WEIR_TRY(row, rows.next());
    if (!row) break;
    if (items.size() >= limit) {
      next = token_of(plan, at);
      break;
    }
    WEIR_TRY(parsed, parse_row(plan, row->stored.json));
    items.push_back(std::move(parsed));
    if (at.orders.empty()) {
      at.shard = row->shard;
      at.key = std::move(row->stored.key);
    } else {
      at.orders[static_cast<std::size_t>(row->shard)] = row->stored.order;
    }
  }
  return nlohmann::json{{"items", std::move(items)}, {"next", std::move(next)}};
}

}  // namespace

merged_rows::merged_rows(state_store& store, int shards, std::string view, table_scan range)
    : store_(store), view_(std::move(view)) {
  range.limit = chunk;
  lanes_.assign(static_cast<std::size_t>(shards), {range, {}, false});
}

// Rows are ordered by (key, shard): a shard behind this one may still have the same key.
void merged_rows::start_after(int shard, const std::string& key) {
  const auto next_key = key + '\0';
  for (int s = 0; s < static_cast<int>(lanes_.size()); ++s) {
    auto& rest = lanes_[static_cast<std::size_t>(s)].rest;
    rest.from = std::max(rest.from, s > shard ? key : next_key);
  }
}

status merged_rows::refill(int shard) {
  auto& l = lanes_[static_cast<std::size_t>(shard)];
  if (!l.ready.empty() || l.at_end) return {};
  WEIR_TRY(rows, store_.scan(shard, view_, l.rest));
  l.at_end = rows.size() < l.rest.limit;
  if (!rows.empty()) l.rest.from = rows.back().key + '\0';
  l.ready.assign(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
  return {};
}

result<std::optional<shard_row>> merged_rows::next() {
  for (int s = 0; s < static_cast<int>(lanes_.size()); ++s) WEIR_TRY_VOID(refill(s));
  return take_best(lanes_, [](const table_row& a, const table_row& b) { return a.key < b.key; });
}

newest_rows::newest_rows(state_store& store, int shards, std::string view, const table_scan& range,
                         const std::vector<std::uint64_t>& below)
    : store_(store), view_(std::move(view)) {
  newest_scan rest{range.from, range.to};
  rest.limit = chunk;
  lanes_.assign(static_cast<std::size_t>(shards), {rest, {}, false});
  for (std::size_t s = 0; s < below.size(); ++s) lanes_[s].rest.below = below[s];
}

status newest_rows::refill(int shard) {
  auto& l = lanes_[static_cast<std::size_t>(shard)];
  if (!l.ready.empty() || l.at_end) return {};
  WEIR_TRY(rows, store_.newest(shard, view_, l.rest));
  l.at_end = rows.size() < l.rest.limit;
  if (!rows.empty()) l.rest.below = rows.back().order;
  l.ready.assign(std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
  return {};
}

result<std::optional<shard_row>> newest_rows::next() {
  for (int s = 0; s < static_cast<int>(lanes_.size()); ++s) WEIR_TRY_VOID(refill(s));
  return take_best(lanes_, [](const table_row& a, const table_row& b) { return a.time_us > b.time_us; });
}

result<table_scan> range_of(const view_plan& plan, const row_query& query) {
  if (query.key.size() > plan.key_columns.size())
    return bad_key(plan, fmt::format("{} key columns are given, view {} has {}", query.key.size(), plan.name,
                                     plan.key_columns.size()));
  WEIR_TRY(prefix, prefix_of(plan, query));
  table_scan out;
  out.from = prefix;
  out.to = behind_prefix(prefix);
  if (!query.from && !query.to) return out;
  if (query.key.size() == plan.key_columns.size())
    return bad_key(plan, "from and to need a key column that `key` does not fix");
  const auto& ranged = plan.output_columns->fields[plan.key_columns[query.key.size()]];
  out.to = prefix + after_values;
  if (query.from) WEIR_TRY_VOID(append_key_text(out.from, ranged, *query.from));
  if (query.to) {
    out.to = prefix;
    WEIR_TRY_VOID(append_key_text(out.to, ranged, *query.to));
  }
  return out;
}

result<nlohmann::json> read_rows(state_store& store, int shards, const view_plan& plan, const row_query& query,
                                 std::size_t most) {
  WEIR_TRY(range, range_of(plan, query));
  std::optional<rows_position> after;
  if (!query.page.after.empty()) {
    WEIR_TRY(given, position_of(plan, query.newest_first, shards, query.page.after));
    after = std::move(given);
  }
  const auto limit = std::min(query.page.limit, most);
  if (query.newest_first) {
    rows_position at;
    at.orders.assign(static_cast<std::size_t>(shards), ~std::uint64_t{0});
    if (after) at = std::move(*after);
    newest_rows rows(store, shards, plan.name, range, at.orders);
    return page_of(plan, rows, limit, std::move(at));
  }
  merged_rows rows(store, shards, plan.name, range);
  if (after) rows.start_after(after->shard, after->key);
  return page_of(plan, rows, limit, {});
}

result<record_batch> read_all(state_store& store, int shards, const view_plan& plan, std::size_t most) {
  WEIR_TRY(decoder, make_record_decoder({"json", {}}, plan.output_columns, {}, false));
  batch_builder builder(plan.output_columns);
  merged_rows rows(store, shards, plan.name, {});
  raw_records texts;
  for (std::size_t count = 0;; ++count) {
    WEIR_TRY(row, rows.next());
    if (!row) break;
    if (count >= most)
      return with_hint(
          fail(errc::limit_exceeded, "view {} has more than {} rows: too many for one query", plan.name, most),
          "make a smaller view for this question, page through its rows, or raise limits.view_rows");
    texts.append(row->stored.json);
    if (texts.size() < decode_chunk) continue;
    WEIR_TRY_VOID(decode_rows(plan, *decoder, texts, builder));
    texts.clear();
  }
  WEIR_TRY_VOID(decode_rows(plan, *decoder, texts, builder));
  return builder.finish();
}

result<std::string> key_object(const view_plan& plan, std::string_view key) {
  std::string out = "{";
  for (const auto c : plan.key_columns) {
    const auto& f = plan.output_columns->fields[c];
    column value(f.type);
    WEIR_TRY_VOID(decode_key(key, value));
    if (out.size() > 1) out.push_back(',');
    append_json_string(out, f.name);
    out.push_back(':');
    append_json_value(out, value, 0);
  }
  out.push_back('}');
  return out;
}

}  // namespace weir
