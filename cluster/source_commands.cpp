#include <fmt/ranges.h>

#include <algorithm>

#include "cluster/control_state.hpp"
#include "cluster/topic_sources.hpp"

namespace weir {
namespace {

using records = std::vector<control_record>;

constexpr std::size_t max_source_name_bytes = 128;

status check_source_name(std::string_view name) {
  const bool good = !name.empty() && name.size() <= max_source_name_bytes && name.front() != '.' &&
                    std::all_of(name.begin(), name.end(), [](char c) {
                      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                             c == '_' || c == '-';
                    });
  if (good) return {};
  return fail(errc::invalid_argument, "source name '{}'; write 1 to {} letters, digits, '.', '_' or '-'", name,
              max_source_name_bytes);
}

status check_options(const source_record& source, const control_limits& limits) {
  std::size_t bytes = 0;
  for (const auto& [name, value] : source.options) {
    bytes += name.size() + value.size();
    if (!is_record_text(name) || !is_record_text(value)) {
      return fail(errc::invalid_argument, "an option of source {} is no UTF-8", source.name);
    }
  }
  if (bytes <= limits.source_option_bytes) return {};
  return fail(errc::limit_exceeded, "the options of source {} have {} bytes, more than {}", source.name, bytes,
              limits.source_option_bytes);
}

status check_stream_exists(const control_plan& plan, const source_record& source) {
  if (plan.state.streams.contains(source.stream)) return {};
  std::vector<std::string_view> known;
  for (const auto& [name, stream] : plan.state.streams) {
    if (known.size() < 20) known.push_back(name);
  }
  auto e = fail(errc::not_found, "source {}: there is no stream {}", source.name, source.stream);
  return with_hint(std::move(e), known.empty() ? std::string("apply a pipeline whose SQL has its CREATE TABLE first")
                                               : fmt::format("streams: {}", fmt::join(known, ", ")));
}

bool same_source(const source_record& a, const source_record& b) {
  return a.stream == b.stream && a.connector == b.connector && same_options(a, b);
}

std::uint64_t first_incarnation(const control_state& state, std::string_view name) {
  const auto it = state.removed_sources.find(name);
  return it == state.removed_sources.end() ? 1 : it->second + 1;
}

}  // namespace

result<records> add_sources(const control_plan& plan, const std::vector<source_record>& sources,
                            const control_limits& limits) {
  records out;
  std::set<std::string_view> names;
  for (const source_record& source : sources) {
    WEIR_TRY_VOID(check_source_name(source.name));
    if (!names.insert(source.name).second) return fail(errc::conflict, "source {} is listed twice", source.name);
    WEIR_TRY_VOID(check_options(source, limits));
    WEIR_TRY_VOID(check_stream_exists(plan, source));
    const auto now = plan.state.sources.find(source.name);
    if (now == plan.state.sources.end()) {
      source_record added = source;
      added.state = run_state::running;
      added.incarnation = first_incarnation(plan.state, source.name);
      out.push_back(to_record(added));
    } else if (!same_source(now->second, source)) {
      return with_hint(fail(errc::conflict, "source {} exists with another stream, connector or options", source.name),
                       "remove it first, or choose another name");
    }
  }
  const std::size_t count = plan.state.sources.size() + out.size();
  if (!out.empty() && count > limits.sources) {
    return fail(errc::limit_exceeded, "{} sources are more than limits.sources = {}", count, limits.sources);
  }
  return out;
}

// The incarnation rises when it runs again: ingest then refuses what its former actor still sends (PROTOCOL 6).
result<records> set_source_state(const control_plan& plan, std::string_view name, run_state state) {
  const auto it = plan.state.sources.find(name);
  if (it == plan.state.sources.end()) return fail(errc::not_found, "there is no source {}", name);
  std::vector<const source_record*> concerned = partitions_of(plan.state, it->second);
  concerned.insert(concerned.begin(), &it->second);
  records out;
  for (const auto* one : concerned) {
    if (one->state == state) continue;
    source_record record = *one;
    record.state = state;
    if (state == run_state::running) ++record.incarnation;
    out.push_back(to_record(record));
  }
  return out;
}

result<records> remove_source(const control_plan& plan, std::string_view name) {
  const auto it = plan.state.sources.find(name);
  if (it == plan.state.sources.end()) return fail(errc::not_found, "there is no source {}", name);
  records out{removal(it->second)};
  for (const auto* partition : partitions_of(plan.state, it->second)) out.push_back(removal(*partition));
  return out;
}

}  // namespace weir
