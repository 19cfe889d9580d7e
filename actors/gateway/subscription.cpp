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

}  // namespace

std::string live_batch::members() const {
  std::string out;
  if (shed > 0) out = fmt::format("\"shed\":{}", shed);
  add_rows(out, "deleted", deleted);
  add_rows(out, "rows", rows);
  if (!token.empty()) out += fmt::format("{}\"token\":{}", out.empty() ? "" : ",", json_text(token));
  return out;
}

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

result<std::optional<live_batch>> subscription::next() {
  if (ready_.empty() && cursor_->backlog() > context_.options.max_backlog_rows) {
    live_batch skipped{.shed = cursor_->skip_to_end()};
    skipped.token = cursor_->token();
    context_.metrics.rows_shed += skipped.shed;
    if (skipped.shed > 0) return skipped;
  }
  if (ready_.empty()) {
    WEIR_TRY(rows, cursor_->next(context_.options.max_batch_rows));
    if (rows.empty()) return std::nullopt;
    cut_into_batches(std::move(rows));
  }
  live_batch out = std::move(ready_.front());
  ready_.pop_front();
  context_.metrics.rows_sent += out.rows.size() + out.deleted.size();
  return out;
}

void subscription::cut_into_batches(std::vector<live_row> rows) {
  live_batch batch;
  std::size_t bytes = 0;
  for (auto& row : rows) {
    const bool deletes = row.what == live_row::kind::deleted;
    const bool full = bytes >= context_.options.max_batch_bytes;
    if (full || (deletes && !batch.rows.empty())) {
      ready_.push_back(std::exchange(batch, {}));
      bytes = 0;
    }
    bytes += row.json->size();
    (deletes ? batch.deleted : batch.rows).push_back(std::move(row));
  }
  batch.token = cursor_->token();
  ready_.push_back(std::move(batch));
}

}  // namespace weir
