#include "tools/weir/commands/plan_report.hpp"

namespace weir::cli {

namespace {

// An error is a text, or an object with "message" and perhaps "line", "column", "hint".
void print_sql_error(const json& e, const std::string& what, std::ostream& err) {
  if (!e.is_object()) {
    err << "weir: " << what << ": " << cell_text(e) << "\n";
    return;
  }
  err << "weir: " << what;
  for (const char* key : {"line", "column"}) {
    if (e.contains(key)) err << ":" << cell_text(e[key]);
  }
  err << ": " << cell_text(e.value("message", json())) << "\n";
  if (const auto hint = cell_text(e.value("hint", json())); !hint.empty()) err << "  " << hint << "\n";
}

}  // namespace

exit_code report_plan(session& s, const json& verdict, const std::string& what) {
  const bool ok = verdict.value("ok", false);
  if (s.print().format() == output_format::as_json) {
    s.print().object(verdict);
    return ok ? exit_code::ok : exit_code::failure;
  }
  for (const auto& e : verdict.value("errors", json::array())) print_sql_error(e, what, s.io().err);
  if (!ok) return exit_code::failure;
  for (const auto& step : verdict.value("plan", json::array())) s.io().out << cell_text(step) << "\n";
  s.io().out << what << " is valid\n";
  return exit_code::ok;
}

}  // namespace weir::cli
