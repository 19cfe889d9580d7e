// The table of words, end to end: what it says runs is applied, fed with records and answers; what it says is refused
// is refused before anything runs.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cluster/topic_names.hpp"
#include "runtime/format/record_decoder.hpp"
#include "runtime/log/sim_log.hpp"
#include "runtime/operators/pull_query.hpp"
#include "runtime/sql/sql.hpp"
#include "runtime/sql/words.hpp"
#include "tests/support/sim_node.hpp"
#include "tests/support/temp_folder.hpp"

using namespace weir;

namespace {

constexpr int records_per_stream = 12;
constexpr int shards = 4;

bool is_query(std::string_view sql) { return sql.starts_with("SELECT") || sql.starts_with("VALUES"); }

// A value for the n-th record, as JSON; every third is null where the column allows it.
nlohmann::json value_for(const field& f, int n) {
  if (!f.not_null && n % 3 == 2) return nullptr;
  switch (f.type) {
    case data_type::boolean: return n % 2 == 0;
    case data_type::bigint: return 1 + n % 5;
    case data_type::double_precision: return 0.75 * (1 + n % 4);
    case data_type::timestamptz: return fmt::format("2023-11-14T00:00:{:02}Z", n);
    case data_type::interval: return fmt::format("{} minutes", n);
    case data_type::text: return n % 2 == 0 ? "a" : "banana";
    case data_type::json: return {{"a", {n, "x"}}};
    case data_type::bytea: return "\\x00ff";
  }
  return nullptr;
}

// The event time of every record must be there.
nlohmann::json event_time_for(const stream_definition& s, int n) {
  const bool number = s.columns->fields[*s.event_time].type == data_type::bigint;
  if (number) return 1'699'920'000LL * (1'000'000 / s.event_time_unit_us) + n;
  if (s.format.options.contains("timestamps")) return 1'699'920'000'000LL + n;
  return value_for({"", data_type::timestamptz, true}, n);
}

nlohmann::json record_for(const stream_definition& s, int n) {
  nlohmann::json out = nlohmann::json::object();
  const auto& fields = s.columns->fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    out[fields[i].name] = s.event_time == i ? event_time_for(s, n) : value_for(fields[i], n);
    if (fields[i].type == data_type::timestamptz && s.format.options.contains("timestamps") && s.event_time != i)
      out[fields[i].name] = 1'699'920'000'000LL + n;
  }
  return out;
}

scripted_source source_for(const stream_definition& s) {
  scripted_source out;
  out.name = "source-of-" + s.name;
  out.stream = s.name;
  for (int n = 0; n < records_per_stream; ++n) {
    if (s.format.name == "csv")
      out.records.push_back(n % 2 == 0 ? "a" : "banana");
    else
      out.records.push_back(record_for(s, n).dump());
  }
  if (s.format.name == "csv") out.context = s.columns->fields.front().name;
  return out;
}

catalog names_of(std::string_view sql) {
  catalog out;
  auto planned = plan_script(sql, {});
  if (!planned) FAIL(planned.error().text());
  for (auto& s : *planned) {
    if (auto* stream = std::get_if<stream_definition>(&s)) out.streams[stream->name] = std::move(*stream);
    if (auto* view = std::get_if<view_plan>(&s)) out.views[view->name] = std::move(*view);
  }
  return out;
}

std::vector<scripted_source> sources_for(const catalog& names) {
  std::vector<scripted_source> out;
  for (const auto& [name, stream] : names.streams) out.push_back(source_for(stream));
  return out;
}

record_batch rows_of(event_log& log, const view_plan& view) {
  raw_records texts;
  for (const auto& row : final_rows(log, "weir", view, shards)) texts.append(row);
  auto decoder = make_record_decoder({"json", {}}, view.output_columns, {}, true);
  REQUIRE(decoder);
  batch_builder rows(view.output_columns);
  std::vector<std::uint32_t> decoded;
  std::vector<decode_failure> failures;
  (*decoder)->decode(texts, 0, texts.size(), rows, decoded, failures);
  CHECK(failures.empty());
  return rows.finish();
}

void check_nothing_lost(event_log& log, const control_plan& plan) {
  for (const auto& [name, stream] : plan.names.streams)
    CHECK(topic_values(log, topic::dead("weir", name), shards) == std::vector<std::string>{});
  for (const auto& [name, view] : plan.names.views)
    CHECK(topic_values(log, topic::refused("weir", name), shards) == std::vector<std::string>{});
}

void check_query(event_log& log, const std::string& sql, const catalog& names) {
  const auto query = plan_query(sql, names);
  if (!query) FAIL(query.error().text());
  const auto answer = run_pull_query(*query, rows_of(log, names.views.at(query->view)));
  if (!answer) FAIL(answer.error().text());
  CHECK(answer->rows > 0);
}

// Applies the statement with the words' catalog, feeds every stream, and looks at what came out.
void check_runs(const std::string& example) {
  auto script = std::string(words_catalog);
  if (!is_query(example)) script += example + ";\n";
  auto names = names_of(script);
  if (names.streams.contains("e")) {
    script += "CREATE MATERIALIZED VIEW rows_of_e AS SELECT * FROM e;\n";
    names = names_of(script);
  }
  temp_folder folder;
  sim_log log;
  sim_node_options o;
  o.shards = shards;
  sim_node node(log, folder.path("state"), o, {{"words", script}}, sources_for(names));
  CHECK(node.run_to_rest());
  CHECK(node.quarantined == std::vector<std::string>{});
  CHECK(node.failed_shards == std::vector<std::string>{});
  CHECK(node.restarted == std::vector<std::string>{});
  check_nothing_lost(log, *node.control().plan());
  if (is_query(example)) return check_query(log, example, names);
  for (const char* view : {"e", "rows_of_e"})
    if (names.views.contains(view)) CHECK_FALSE(final_rows(log, "weir", names.views.at(view), shards).empty());
}

}  // namespace

TEST_CASE("every word that runs is applied, takes records and answers") {
  for (const auto& word : sql_words()) {
    if (!word.runs) continue;
    INFO(word.word << ": " << word.example);
    check_runs(word.example);
  }
}

TEST_CASE("every refused word is refused before a pipeline is made of it") {
  const auto names = names_of(words_catalog);
  sim_log log;
  auto control = control_log::open(log, "weir");
  REQUIRE(control);
  const auto applied = apply_pipeline(*(*control)->plan(), "words", words_catalog, false, true);
  REQUIRE(applied);
  REQUIRE((*control)->append(*applied));
  for (const auto& word : sql_words()) {
    if (word.runs) continue;
    INFO(word.word << ": " << word.example);
    if (is_query(word.example))
      CHECK_FALSE(plan_query(word.example, names));
    else
      CHECK_FALSE(apply_pipeline(*(*control)->plan(), "more", word.example, false, true));
  }
}
