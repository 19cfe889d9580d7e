#include "runtime/sql/sql.hpp"

#include "runtime/sql/definition_binder.hpp"
#include "runtime/sql/lexer.hpp"
#include "runtime/sql/sql_error.hpp"

namespace weir {
namespace {

struct statement_kind {
  std::string_view node;
  std::string_view word;  // of runtime/sql/words.hpp
};

constexpr statement_kind refused_statements[] = {
    {"InsertStmt", "insert"},
    {"UpdateStmt", "update"},
    {"DeleteStmt", "delete"},
    {"MergeStmt", "merge"},
    {"DropStmt", "drop"},
    {"AlterTableStmt", "alter"},
    {"RenameStmt", "alter"},
    {"IndexStmt", "create index"},
    {"ViewStmt", "create view"},
    {"CreateFunctionStmt", "create function"},
    {"CopyStmt", "copy"},
    {"TruncateStmt", "truncate"},
    {"TransactionStmt", "begin"},
    {"ExplainStmt", "explain"},
    {"VariableSetStmt", "set"},
    {"VariableShowStmt", "show"},
    {"RefreshMatViewStmt", "refresh materialized view"},
    {"CreateSchemaStmt", "create schema"},
};

tl::unexpected<error> refuse_statement(const bind_context& context, std::string_view kind, std::string_view allowed) {
  for (const auto& refused : refused_statements)
    if (refused.node == kind) return context.refuse(context.begin(), refused.word);
  return context.fail(errc::unsupported, context.begin(), "this statement is not supported", std::string(allowed));
}

result<statement> plan_definition(std::string_view sql, const statement_span& span, const catalog& known,
                                  const sql_limits& limits) {
  WEIR_TRY(tree, parse_tree::parse(sql, span.begin, span.end));
  bind_context context(sql, span.begin, span.end, known, limits);
  const auto node = tree.statement();
  const auto kind = node.kind();
  if (kind == "CreateStmt") {
    WEIR_TRY(stream, bind_table(context, node.unwrap()));
    return statement(std::move(stream));
  }
  if (kind == "CreateTableAsStmt") {
    WEIR_TRY(view, bind_view(context, node.unwrap()));
    return statement(std::move(view));
  }
  if (kind == "SelectStmt")
    return context.invalid(context.begin(), "a file of definitions cannot hold a SELECT",
                           "write CREATE MATERIALIZED VIEW name AS SELECT ..., or run the query with: weir query");
  return refuse_statement(context, kind, "write CREATE TABLE or CREATE MATERIALIZED VIEW");
}

}  // namespace

result<std::vector<statement>> plan_script(std::string_view sql, const catalog& known, const sql_limits& limits) {
  WEIR_TRY(spans, split_statements(sql, limits));
  if (spans.empty())
    return with_hint(fail(errc::invalid_argument, "the SQL text holds no statement"),
                     "write CREATE TABLE or CREATE MATERIALIZED VIEW");
  catalog names = known;
  std::vector<statement> out;
  for (const auto& span : spans) {
    WEIR_TRY(planned, plan_definition(sql, span, names, limits));
    if (const auto* stream = std::get_if<stream_definition>(&planned))
      names.streams.insert_or_assign(stream->name, *stream);
    else if (const auto* view = std::get_if<view_plan>(&planned))
      names.views.insert_or_assign(view->name, *view);
    out.push_back(std::move(planned));
  }
  return out;
}

result<pull_plan> plan_query(std::string_view sql, const catalog& known, const sql_limits& limits) {
  WEIR_TRY(spans, split_statements(sql, limits));
  if (spans.empty())
    return with_hint(fail(errc::invalid_argument, "the SQL text holds no statement"), "write SELECT ... FROM view");
  if (spans.size() > 1)
    return sql_failure(errc::invalid_argument, sql, spans[1].begin, "a query is one statement", "run them one by one");
  const auto& span = spans.front();
  WEIR_TRY(tree, parse_tree::parse(sql, span.begin, span.end));
  bind_context context(sql, span.begin, span.end, known, limits);
  const auto node = tree.statement();
  if (node.kind() == "SelectStmt") return bind_query(context, node.unwrap());
  if (node.kind() == "CreateStmt" || node.kind() == "CreateTableAsStmt")
    return context.invalid(span.begin, "a query cannot create anything",
                           "apply definitions as a file with: weir apply");
  return refuse_statement(context, node.kind(), "write SELECT ... FROM view");
}

}  // namespace weir
