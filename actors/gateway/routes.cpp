#include "actors/gateway/routes.hpp"

#include <algorithm>
#include <charconv>
#include <set>

#include "actors/gateway/problem.hpp"

namespace weir {
namespace {

std::vector<std::string_view> pattern_segments(std::string_view pattern) {
  std::vector<std::string_view> out;
  while (!pattern.empty()) {
    pattern.remove_prefix(1);
    const auto slash = std::min(pattern.find('/'), pattern.size());
    out.push_back(pattern.substr(0, slash));
    pattern.remove_prefix(slash);
  }
  return out;
}

bool is_parameter(std::string_view segment) { return segment.size() > 2 && segment.front() == '{'; }

struct compiled_route {
  const route* where;
  std::vector<std::string_view> segments;
};

// Fixed words before parameters, so that /v1/pipelines/validate is not a pipeline's name.
std::vector<compiled_route> compile() {
  std::vector<compiled_route> out;
  for (const route& r : routes()) out.push_back({&r, pattern_segments(r.pattern)});
  std::stable_sort(out.begin(), out.end(), [](const compiled_route& a, const compiled_route& b) {
    const auto fixed = [](std::string_view segment) { return !is_parameter(segment); };
    return std::count_if(a.segments.begin(), a.segments.end(), fixed) >
           std::count_if(b.segments.begin(), b.segments.end(), fixed);
  });
  return out;
}

bool matches(const compiled_route& candidate, const std::vector<std::string>& segments) {
  return std::equal(candidate.segments.begin(), candidate.segments.end(), segments.begin(), segments.end(),
                    [](std::string_view pattern, const std::string& segment) {
                      return is_parameter(pattern) ? !segment.empty() : pattern == segment;
                    });
}

std::string allow_header(const std::set<std::string>& methods) {
  std::string out;
  for (const auto& method : methods) out += (method == "GET" ? "GET, HEAD" : method) + ", ";
  return out + "OPTIONS";
}

nlohmann::json items_of(nlohmann::json page) {
  if (page.is_array()) return {{"items", std::move(page)}, {"next", nullptr}};
  return page;
}

}  // namespace

const std::vector<route>& routes() {
  static const std::vector<route> table = [] {
    std::vector<route> out;
    add_node_routes(out);
    add_stream_routes(out);
    add_record_routes(out);
    add_source_routes(out);
    add_view_routes(out);
    add_pipeline_routes(out);
    add_dead_letter_routes(out);
    return out;
  }();
  return table;
}

route_match match_route(std::string_view method, const std::vector<std::string>& segments) {
  static const std::vector<compiled_route> table = compile();
  route_match out;
  std::set<std::string> methods;
  for (const auto& candidate : table) {
    if (!matches(candidate, segments)) continue;
    methods.insert(candidate.where->method);
    if (out.where != nullptr || candidate.where->method != method) continue;
    out.where = candidate.where;
    for (std::size_t i = 0; i < segments.size(); ++i) {
      if (is_parameter(candidate.segments[i])) out.path.push_back(segments[i]);
    }
  }
  if (!methods.empty()) out.allow = allow_header(methods);
  return out;
}

std::vector<std::string> path_parameters(std::string_view pattern) {
  std::vector<std::string> out;
  for (const auto segment : pattern_segments(pattern)) {
    if (is_parameter(segment)) out.emplace_back(segment.substr(1, segment.size() - 2));
  }
  return out;
}

std::string api_call::query_value(std::string_view name) const {
  for (const auto& [key, value] : query) {
    if (key == name) return value;
  }
  return {};
}

result<page_request> api_call::page() const {
  page_request out;
  out.limit = std::min(out.limit, gateway.options.max_page_rows);
  out.after = query_value("after");
  const std::string limit = query_value("limit");
  if (limit.empty()) return out;
  const auto [end, bad] = std::from_chars(limit.data(), limit.data() + limit.size(), out.limit);
  if (bad != std::errc() || end != limit.data() + limit.size() || out.limit == 0 ||
      out.limit > gateway.options.max_page_rows) {
    return with_hint(fail(errc::invalid_argument, "limit is '{}'; write 1 to {}", limit, gateway.options.max_page_rows),
                     "read more than one page with the answer's `next` as `after`");
  }
  return out;
}

std::vector<parameter> page_parameters() {
  return {{"limit", "Items of a page, 100 when absent.", {{"type", "integer"}, {"minimum", 1}}},
          {"after", "The `next` of the page before."}};
}

nlohmann::json one_of_texts(std::vector<std::string> texts) { return {{"type", "string"}, {"enum", std::move(texts)}}; }

http_response answer(const result<nlohmann::json>& from_node, int success) {
  return from_node ? json_response(*from_node, success) : problem(from_node.error());
}

node_api::reply answer_later(const respond& done, int success) {
  return [done, success](const result<nlohmann::json>& from_node) { done(answer(from_node, success)); };
}

http_response answer_rows(const api_call& call, const result<nlohmann::json>& page,
                          const std::vector<std::string>& columns) {
  if (!page) return problem(page.error());
  const nlohmann::json list = items_of(*page);
  std::string name = call.where.operation_id;
  for (const auto& value : call.path) name += "-" + value;
  return row_response(call.media, list, columns, name);
}

}  // namespace weir
