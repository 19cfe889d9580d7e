#include "actors/gateway/subscription.hpp"

#include "actors/gateway/gateway_metrics.hpp"
#include "actors/gateway/problem.hpp"

namespace weir {
namespace {

// A row's JSON goes out as it came.
void add_rows(std::string& out, std::string_view name, const std::vector<live_row>& rows) {
  if (rows.empty()) return;
  out += fmt::format("{}\"{}\":[", out.empty() ? "" : ",", name);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i > 0) out += ',';
    out += *rows[i].json;
  }
  out += ']';
}

live_batch_ptr finished(live_batch batch) {
  auto& out = batch.members;
  if (batch.shed > 0) out = fmt::format("\"shed\":{}", batch.shed);
  add_rows(out, "deleted", batch.deleted);
  add_rows(out, "rows", batch.rows);
  if (!batch.token.empty()) out += fmt::format("{}\"token\":{}", out.empty() ? "" : ",", json_text(batch.token));
  return std::make_shared<const live_batch>(std::move(batch));
}

std::vector<live_batch_ptr> cut_into_batches(const live_rows& rows, std::size_t max_bytes) {
  std::vector<live_batch_ptr> out;
  live_batch batch;
  std::size_t bytes = 0;
  for (const auto& row : rows) {
    const bool deletes = row.what == live_row::kind::deleted;
    const bool full = bytes >= max_bytes;
    if (full || (deletes && !batch.rows.empty())) {
      out.push_back(finished(std::exchange(batch, {})));
      bytes = 0;
    }
    bytes += row.json->size();
    (deletes ? batch.deleted : batch.rows).push_back(row);
  }
  batch.token = rows.token();
  out.push_back(finished(std::move(batch)));
  return out;
}

}  // namespace

result<std::unique_ptr<subscription>> subscription::open(const gateway_context& context, const std::string& view,
                                                         const std::string& from, std::function<void()> wake) {
  const auto most = static_cast<std::int64_t>(context.options.max_subscriptions);
  std::unique_ptr<subscription> out(new subscription(context));
  if (++context.metrics.subscriptions_open > most) {
    return with_hint(fail(errc::limit_exceeded, "the node has its {} live subscriptions", most),
                     "close another one, or raise max_subscriptions in the [gateway] section of config.toml");
  }
  WEIR_TRY(cursor, context.node.open_live(view, from == "now" ? "" : from));
  out->cursor_ = std::move(cursor);
  out->cursor_->on_more(std::move(wake));
  ++context.metrics.subscriptions_total;
  return out;
}

subscription::~subscription() { --context_.metrics.subscriptions_open; }

result<live_batch_ptr> subscription::next() {
  if (ready_.empty()) WEIR_TRY_VOID(read_on());
  if (ready_.empty()) return nullptr;
  auto out = std::move(ready_.front());
  ready_.pop_front();
  context_.metrics.rows_sent += out->rows.size() + out->deleted.size();
  return out;
}

status subscription::read_on() {
  if (cursor_->backlog() > context_.options.max_backlog_rows) {
    live_batch skipped{.shed = cursor_->skip_to_end()};
    skipped.token = cursor_->token();
    context_.metrics.rows_shed += skipped.shed;
    if (skipped.shed > 0) {
      ready_.push_back(finished(std::move(skipped)));
      return {};
    }
  }
  WEIR_TRY(rows, cursor_->next(context_.options.max_batch_rows));
  if (rows.empty()) return {};
  const auto& batches =
      rows.batches([&](const live_rows& all) { return cut_into_batches(all, context_.options.max_batch_bytes); });
  ready_.assign(batches.begin(), batches.end());
  return {};
}

}  // namespace weir
