#include "actors/gateway/schemas.hpp"

namespace weir {
namespace {

constexpr const char* requests = R"json({
  "source_request": {
    "type": "object", "additionalProperties": false, "required": ["name", "stream", "connector"],
    "properties": {
      "name": {"type": "string", "minLength": 1, "maxLength": 200},
      "stream": {"type": "string", "minLength": 1, "maxLength": 200, "description": "Stream that its records go to."},
      "connector": {"type": "string", "minLength": 1, "maxLength": 64, "description": "One of /v1/connectors."},
      "options": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]},
                  "description": "The connector's options."}}},
  "source_requests": {
    "type": "object", "additionalProperties": false, "required": ["sources"],
    "properties": {
      "sources": {"type": "array", "minItems": 1, "maxItems": 10000,
                  "items": {"$ref": "#/components/schemas/source_request"},
                  "description": "Added together: they open at one cut, or none of them is added."}}},
  "source_test": {
    "type": "object", "additionalProperties": false,
    "properties": {
      "name": {"type": "string", "minLength": 1, "maxLength": 200,
               "description": "A source that is there, when no connector is given."},
      "stream": {"type": "string", "minLength": 1, "maxLength": 200},
      "connector": {"type": "string", "minLength": 1, "maxLength": 64, "description": "One of /v1/connectors."},
      "options": {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]},
                  "description": "The connector's options."}}},
  "source_submission": {"anyOf": [{"$ref": "#/components/schemas/source_requests"},
                                  {"$ref": "#/components/schemas/source_request"}]},
  "sql_request": {
    "type": "object", "additionalProperties": false, "required": ["query"],
    "properties": {"query": {"type": "string", "minLength": 1, "maxLength": 32768,
                             "description": "A SELECT over views."}}},
  "pipeline_request": {
    "type": "object", "additionalProperties": false, "required": ["name", "sql"],
    "properties": {
      "name": {"type": "string", "minLength": 1, "maxLength": 200},
      "sql": {"type": "string", "minLength": 1, "description": "CREATE TABLE and CREATE MATERIALIZED VIEW statements."},
      "replace": {"type": "boolean", "description": "Replace the pipeline of this name; false when absent."},
      "from": {"type": "string", "enum": ["beginning", "end"],
               "description": "Where in its streams it begins; beginning when absent."}}},
  "validate_request": {
    "type": "object", "additionalProperties": false, "required": ["sql"],
    "properties": {"sql": {"type": "string", "minLength": 1}}},
  "retry_request": {
    "type": "object", "additionalProperties": false,
    "properties": {"record": {"type": "string", "description": "The corrected record; the stored one when absent."}}},
  "no_arguments": {"type": "object", "additionalProperties": false, "properties": {}}
})json";

constexpr const char* answers = R"json({
  "problem": {
    "type": "object", "required": ["type", "title", "status", "detail", "code"],
    "properties": {
      "type": {"type": "string", "description": "urn:weir:error:<code>"}, "title": {"type": "string"},
      "status": {"type": "integer"}, "detail": {"type": "string", "description": "What is wrong, and where."},
      "hint": {"type": "string", "description": "What to do next."}, "code": {"type": "string"}}},
  "node_status": {
    "type": "object",
    "properties": {
      "version": {"type": "string"}, "node": {"type": "string"}, "uptime_s": {"type": "number"},
      "log": {"type": ["object", "string"]},
      "cluster": {"type": ["object", "null"], "description": "Nodes that share the app; null on the embedded log.",
        "properties": {
          "role": {"type": "string", "enum": ["owner", "standby"]},
          "owner": {"type": ["string", "null"]}, "owner_url": {"type": ["string", "null"]},
          "nodes": {"type": "array", "items": {"type": "object"}},
          "standby": {"type": "array", "description": "Per shard, how far this standby's copy is behind.",
                      "items": {"type": "object"}}}},
      "shards": {"type": "array", "items": {"type": "object", "properties": {
        "shard": {"type": "integer"}, "state": {"type": "string"}}}}}},
  "column": {
    "type": "object", "required": ["name", "type"],
    "properties": {"name": {"type": "string"}, "type": {"type": "string", "description": "SQL's name of the type."}}},
  "stream": {
    "type": "object", "required": ["name"],
    "properties": {"name": {"type": "string"}, "format": {"type": "string"},
      "columns": {"type": "array", "items": {"$ref": "#/components/schemas/column"}}}},
  "stream_record": {
    "type": "object",
    "properties": {
      "source": {"type": "string"}, "sequence": {"type": "integer"}, "event_time": {"type": ["string", "null"]},
      "arrival": {"type": "string"}, "late": {"type": ["boolean", "string", "null"]},
      "record": {"type": "string", "description": "The record's text."},
      "record_base64": {"type": "string", "description": "Its bytes when they are no UTF-8."}}},
  "post_answer": {
    "type": "object", "required": ["stream", "source", "shard", "accepted", "dead", "late", "repeated"],
    "properties": {
      "stream": {"type": "string"}, "source": {"type": "string", "description": "That the records belong to."},
      "shard": {"type": "integer", "description": "Where they are."},
      "first_number": {"type": ["integer", "null"],
                       "description": "Of the first record in the stream's partition of the shard; null: none."},
      "accepted": {"type": "integer", "description": "Records in the stream now."},
      "dead": {"type": "integer", "description": "Records that became dead letters."},
      "late": {"type": "integer", "description": "Accepted ones that come after their time."},
      "first_reason": {"type": ["string", "null"], "description": "Why the first dead letter is one."},
      "repeated": {"type": "boolean", "description": "An earlier request with this key brought the records."}}},
  "source": {
    "type": "object", "required": ["name", "stream", "connector", "state"],
    "properties": {
      "name": {"type": "string"}, "stream": {"type": "string"}, "connector": {"type": "string"},
      "group": {"type": ["string", "null"],
                "description": "What the sources are called together to which POST brings records without a source."},
      "options": {"type": "object"}, "state": {"type": "string"},
      "rate": {"type": ["number", "null"], "description": "Records per second."},
      "blocked_s": {"type": "number", "description": "Seconds in which ingest was too busy to take its records."},
      "lag": {"type": ["number", "string", "null"]}, "last_error": {"type": ["string", "null"]},
      "next_try": {"type": ["string", "number", "null"]}, "position": {}}},
  "source_trial": {
    "type": "object", "required": ["stream", "connector", "records", "dead", "ended"],
    "properties": {
      "stream": {"type": "string"}, "connector": {"type": "string"},
      "records": {"type": "integer", "description": "How many came."},
      "columns": {"type": "array", "items": {"$ref": "#/components/schemas/column"}},
      "rows": {"type": "array", "items": {"type": "array", "items": {}}},
      "dead": {"type": "array", "items": {"type": "object", "properties": {
        "reason": {"type": "string"}, "record": {"type": "string"}, "record_base64": {"type": "string"}}},
        "description": "Those that would be dead letters."},
      "ended": {"type": "boolean"}, "progress": {"type": ["string", "null"]}, "took_ms": {"type": "integer"}}},
  "connector": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
  "view": {
    "type": "object", "required": ["name"],
    "properties": {
      "name": {"type": "string"}, "kind": {"type": "string", "enum": ["append", "upsert"]},
      "columns": {"type": "array", "items": {"$ref": "#/components/schemas/column"}},
      "key": {"type": "array", "items": {"type": "string"}, "description": "Key columns, in order."},
      "sql": {"type": "string"}, "pipeline": {"type": "string"}}},
  "row": {"type": "object", "additionalProperties": true},
  "table": {
    "type": "object", "required": ["columns", "rows"],
    "properties": {
      "columns": {"type": "array", "items": {"$ref": "#/components/schemas/column"}},
      "rows": {"type": "array", "items": {"type": "array", "items": {}}},
      "truncated": {"type": "boolean", "description": "There were more rows than the node's limit."}}},
  "pipeline": {
    "type": "object", "required": ["name", "state"],
    "properties": {"name": {"type": "string"}, "state": {"type": "string"}, "sql": {"type": "string"},
      "views": {"type": "array", "items": {"type": "string"}}, "lag": {"type": ["number", "null"]},
      "error": {"type": ["string", "null"]}}},
  "verdict": {
    "type": "object", "required": ["ok"],
    "properties": {"ok": {"type": "boolean"}, "errors": {"type": "array", "items": {}},
                   "plan": {"type": "array", "items": {}}}},
  "dead_letter": {
    "type": "object", "required": ["id", "reason"],
    "properties": {
      "id": {"type": "string"}, "reason": {"type": "string"}, "source": {"type": "string"},
      "sequence": {"type": "integer"}, "event_time": {"type": ["string", "null"]},
      "record": {"type": "string"}, "record_base64": {"type": "string"}}},
  "done": {"type": "object", "description": "What the node applied."},
  "ticket": {
    "type": "object", "required": ["ticket", "expires_in_s"],
    "properties": {"ticket": {"type": "string"}, "expires_in_s": {"type": "number"}}},
  "live_batch": {
    "type": "object",
    "properties": {
      "rows": {"type": "array", "items": {"$ref": "#/components/schemas/row"}},
      "deleted": {"type": "array", "items": {"$ref": "#/components/schemas/row"},
                  "description": "Key columns of rows that are gone; they come before `rows`."},
      "token": {"type": "string", "description": "Resumes after this message; absent inside a batch."}}}
})json";

nlohmann::json page_of(std::string_view item) {
  return {{"type", "object"},
          {"required", {"items"}},
          {"properties",
           {{"items", {{"type", "array"}, {"items", schema_reference(item)}}},
            {"next", {{"type", {"string", "null"}}, {"description", "`after` of the next page; null at the end."}}}}}};
}

nlohmann::json build() {
  nlohmann::json out = nlohmann::json::parse(requests);
  out.update(nlohmann::json::parse(answers));
  for (const char* item :
       {"stream", "stream_record", "source", "connector", "view", "row", "pipeline", "dead_letter"}) {
    out[std::string(item) + "_list"] = page_of(item);
  }
  return out;
}

}  // namespace

const nlohmann::json& schemas() {
  static const nlohmann::json all = build();
  return all;
}

nlohmann::json schema_reference(std::string_view name) {
  return {{"$ref", "#/components/schemas/" + std::string(name)}};
}

const nlohmann::json& resolve_schema(const nlohmann::json& schema) {
  const auto reference = schema.find("$ref");
  if (reference == schema.end()) return schema;
  const std::string_view path = reference->get_ref<const std::string&>();
  return schemas().at(std::string(path.substr(path.rfind('/') + 1)));
}

}  // namespace weir
