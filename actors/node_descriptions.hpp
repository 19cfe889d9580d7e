// Streams, sources, views and pipelines as the API shows them.
#pragma once

#include <nlohmann/json.hpp>

#include "actors/node_summary.hpp"

namespace weir {

// Sources of this connector belong to the node itself: dead letters come back through them (retry_sender.hpp).
inline constexpr std::string_view retry_connector = "retry";

nlohmann::json describe_stream(const node_summary& s, const stream_record& record);
nlohmann::json describe_source(const node_summary& s, const source_record& record);
nlohmann::json describe_view(const node_summary& s, const view_plan& view, std::string_view pipeline,
                             state_store& store);
nlohmann::json describe_pipeline(const node_summary& s, const planned_pipeline& p);
nlohmann::json describe_node(const node_summary& s, const node& n, std::string_view version);
nlohmann::json describe_connectors();
// At most so many rows as {"columns":[...],"rows":[[...]]}, and "truncated" when there are more.
nlohmann::json rows_json(const record_batch& rows, std::size_t most);

// One line per view: what it is, its key, and where its rows are made.
std::string plan_line(const view_plan& view);
nlohmann::json describe_columns(const schema& columns);

}  // namespace weir
