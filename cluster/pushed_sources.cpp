#include "cluster/pushed_sources.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/batch/key_codec.hpp"
#include "runtime/fault/protocol_rules.hpp"

namespace weir {
namespace {

source_record pushed_source(std::string_view stream, std::string name) {
  source_record r;
  r.name = std::move(name);
  r.stream = stream;
  r.connector = http_connector;
  return r;
}

status check_open(const source_record& known, std::string_view stream) {
  if (known.connector != http_connector || known.stream != stream)
    return with_hint(
        fail(errc::conflict, "source {} is a {} source of stream {}", known.name, known.connector, known.stream),
        "name another source, or none");
  if (known.state != run_state::running)
    return with_hint(fail(errc::conflict, "source {} is {}", known.name, to_string(known.state)),
                     fmt::format("weir source resume {}", known.name));
  return {};
}

}  // namespace

std::string virtual_source_name(std::string_view stream, int number) {
  return fmt::format("post.{}.{}", stream, number);
}

std::string virtual_group_of(const source_record& source) {
  auto group = fmt::format("post.{}", source.stream);
  if (source.connector != http_connector || source.name.size() <= group.size()) return {};
  const auto* const end = source.name.data() + source.name.size();
  int number = virtual_sources;
  std::from_chars(source.name.data() + group.size() + 1, end, number);
  const bool is_one =
      number >= 0 && number < virtual_sources && source.name == virtual_source_name(source.stream, number);
  return is_one ? std::move(group) : std::string();
}

std::string virtual_source_of(std::string_view stream, std::string_view key, int shards) {
  const auto count = static_cast<std::uint64_t>(rule_on(15) ? virtual_sources : shards);
  return virtual_source_name(stream, static_cast<int>(stable_hash(key) % count));
}

result<std::vector<control_record>> open_pushed_source(const control_plan& plan, std::string_view stream,
                                                       std::string_view source, const control_limits& limits) {
  if (const auto known = plan.state.sources.find(source); known != plan.state.sources.end()) {
    WEIR_TRY_VOID(check_open(known->second, stream));
    return std::vector<control_record>{};
  }
  std::vector<source_record> opened;
  for (int i = 0; i < virtual_sources; ++i) opened.push_back(pushed_source(stream, virtual_source_name(stream, i)));
  const bool is_virtual = std::ranges::any_of(opened, [&](const source_record& r) { return r.name == source; });
  if (!is_virtual) opened = {pushed_source(stream, std::string(source))};
  // Of the virtual ones only those that are not there: a user may have paused or removed some.
  std::erase_if(opened, [&](const source_record& r) { return plan.state.sources.contains(r.name); });
  return add_sources(plan, opened, limits);
}

}  // namespace weir
