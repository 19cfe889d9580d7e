#include "runtime/config/config.hpp"

#include <fmt/ranges.h>
#include <toml++/toml.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <set>
#include <sstream>

#include "runtime/config/keys.hpp"
#include "runtime/excerpt.hpp"
#include "runtime/config/quantity.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

constexpr std::size_t max_file_bytes = 4u << 20;
constexpr std::size_t max_listed = 10'000;  // pipelines or sources

// What the keys of [[pipeline]] and [[source]] are for; these have no defaults but `from`.
constexpr std::string_view pipeline_keys[] = {"name", "file", "from"};
constexpr std::string_view source_keys[] = {"name", "stream", "connector", "options"};

bool is_name(std::string_view text, std::string_view more) {
  return std::all_of(text.begin(), text.end(), [more](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           more.find(c) != std::string_view::npos;
  });
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row.back();
}

// The nearest of the known words, when it is near enough to be what was meant.
std::string nearest(std::string_view word, const std::vector<std::string_view>& known) {
  std::string_view best;
  std::size_t distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  if (word.size() > 64) return {};
  for (const std::string_view k : known) {
    if (const std::size_t d = edit_distance(word, k); d < distance) {
      distance = d;
      best = k;
    }
  }
  return std::string(best);
}

constexpr std::size_t longest_shown = 60;  // bytes of a value in a message

std::string shown(const toml::node& node) {
  std::ostringstream out;
  node.visit([&out](const auto& value) { out << value; });
  return first_bytes(out.str(), longest_shown);
}

// Walks a parsed file and fills a config. Positions come from toml++.
class config_reader {
 public:
  explicit config_reader(std::string_view file) : file_(file) {}

  status read(const toml::table& root);
  config take() { return std::move(out_); }

 private:
  std::string at(const toml::source_region& where) const {
    return fmt::format("{}:{}:{}", file_, where.begin.line, where.begin.column);
  }
  tl::unexpected<error> wrong(const toml::node& node, std::string_view key, std::string_view allowed) const {
    // A token or password in a message would end up in logs.
    return fail(errc::invalid_argument, "{}: {} = {} is not allowed; write {}", at(node.source()), key,
                key == "gateway.token" || key == "source.password" ? "..." : shown(node), allowed);
  }
  tl::unexpected<error> unknown(const toml::key& key, std::string_view section,
                                const std::vector<std::string_view>& known) const;

  status read_section(const toml::table& table, std::string_view section);
  status read_key(const toml::node& node, const config_key& key);
  result<std::int64_t> amount(const toml::node& node, const config_key& key) const;
  status read_texts(const toml::node& node, const config_key& key);
  status read_entries(const toml::node& node, std::string_view section);
  status read_pipeline(const toml::table& table);
  status read_source(const toml::table& table);
  status read_options(const toml::table& table, source_config& to, bool top);
  result<std::string> entry_text(const toml::table& table, std::string_view section, std::string_view key,
                                 std::size_t max_bytes, bool name) const;

  std::string file_;
  config out_;
};

tl::unexpected<error> config_reader::unknown(const toml::key& key, std::string_view section,
                                             const std::vector<std::string_view>& known) const {
  auto e = fail(errc::invalid_argument, "{}: unknown key {} {}", at(key.source()), key.str(),
                section.empty() ? std::string("at the top of the file") : fmt::format("in [{}]", section));
  const std::string near = nearest(key.str(), known);
  return with_hint(std::move(e), near.empty() ? fmt::format("known here: {}", fmt::join(known, ", "))
                                              : fmt::format("did you mean {}?", near));
}

status config_reader::read(const toml::table& root) {
  std::vector<std::string_view> known{"pipeline", "source"};
  for (const config_section& s : config_sections()) {
    if (s.name.find('.') == std::string_view::npos) known.push_back(s.name);
  }
  for (const auto& [key, node] : root) {
    if (key.str() == "pipeline" || key.str() == "source") {
      WEIR_TRY_VOID(read_entries(node, key.str()));
    } else if (std::find(known.begin(), known.end(), key.str()) == known.end()) {
      return unknown(key, "", known);
    } else if (!node.is_table()) {
      return wrong(node, key.str(), fmt::format("a section: [{}]", key.str()));
    } else {
      WEIR_TRY_VOID(read_section(*node.as_table(), key.str()));
    }
  }
  return {};
}

status config_reader::read_section(const toml::table& table, std::string_view section) {
  std::vector<std::string_view> known;
  for (const config_key& k : config_keys()) {
    if (k.section == section) known.push_back(k.name);
  }
  for (const auto& [key, node] : table) {
    const std::string inner = fmt::format("{}.{}", section, key.str());
    const auto sections = config_sections();
    if (std::any_of(sections.begin(), sections.end(), [&](const auto& s) { return s.name == inner; })) {
      if (!node.is_table()) return wrong(node, inner, fmt::format("a section: [{}]", inner));
      WEIR_TRY_VOID(read_section(*node.as_table(), inner));
      continue;
    }
    const auto keys = config_keys();
    const auto it = std::find_if(keys.begin(), keys.end(), [&, name = key.str()](const config_key& k) {
      return k.section == section && k.name == name;
    });
    if (it == keys.end()) return unknown(key, section, known);
    WEIR_TRY_VOID(read_key(node, *it));
  }
  return {};
}

// An integer, a length of time or a size, within its bounds.
result<std::int64_t> config_reader::amount(const toml::node& node, const config_key& key) const {
  const std::string full = fmt::format("{}.{}", key.section, key.name);
  std::int64_t value = 0;
  if (key.type == key_type::integer) {
    if (!node.is_integer()) return wrong(node, full, allowed_of(key));
    value = node.as_integer()->get();
  } else {
    if (!node.is_string()) return wrong(node, full, allowed_of(key));
    const std::string& text = node.as_string()->get();
    const auto parsed = key.type == key_type::duration ? parse_interval(text) : parse_size(text);
    if (!parsed) return wrong(node, full, allowed_of(key));
    value = *parsed;
  }
  if (value < key.minimum || value > key.maximum) return wrong(node, full, allowed_of(key));
  return value;
}

status config_reader::read_texts(const toml::node& node, const config_key& key) {
  const std::string full = fmt::format("{}.{}", key.section, key.name);
  const toml::array* list = node.as_array();
  if (!list || static_cast<std::int64_t>(list->size()) > key.maximum) return wrong(node, full, allowed_of(key));
  std::vector<std::string>& to = std::get<3>(key.place)(out_);
  to.clear();
  for (const toml::node& item : *list) {
    if (!item.is_string() || item.as_string()->get().empty()) return wrong(item, full, allowed_of(key));
    to.push_back(item.as_string()->get());
  }
  return {};
}

status config_reader::read_key(const toml::node& node, const config_key& key) {
  const std::string full = fmt::format("{}.{}", key.section, key.name);
  switch (key.type) {
    case key_type::texts: return read_texts(node, key);
    case key_type::boolean:
      if (!node.is_boolean()) return wrong(node, full, allowed_of(key));
      std::get<1>(key.place)(out_) = node.as_boolean()->get();
      return {};
    case key_type::integer:
    case key_type::duration:
    case key_type::size: {
      WEIR_TRY(value, amount(node, key));
      std::get<0>(key.place)(out_) = value;
      return {};
    }
    case key_type::text:
    case key_type::name:
    case key_type::choice: break;
  }
  if (!node.is_string()) return wrong(node, full, allowed_of(key));
  const std::string& text = node.as_string()->get();
  const auto length = static_cast<std::int64_t>(text.size());
  const bool allowed = key.type == key_type::choice
                           ? std::find(key.choices.begin(), key.choices.end(), text) != key.choices.end()
                           : length >= key.minimum && length <= key.maximum && text.find('\0') == std::string::npos &&
                                 (key.type == key_type::text || is_name(text, ""));
  if (!allowed) return wrong(node, full, allowed_of(key));
  std::get<2>(key.place)(out_) = text;
  return {};
}

status config_reader::read_entries(const toml::node& node, std::string_view section) {
  const toml::array* list = node.as_array();
  if (!list || !list->is_array_of_tables()) {
    return fail(errc::invalid_argument, "{}: {} is a list of sections; write [[{}]]", at(node.source()), section,
                section);
  }
  if (list->size() > max_listed) {
    return fail(errc::limit_exceeded, "{}: {} [[{}]] are more than {}", at(node.source()), list->size(), section,
                max_listed);
  }
  for (const toml::node& entry : *list) {
    WEIR_TRY_VOID(section == "pipeline" ? read_pipeline(*entry.as_table()) : read_source(*entry.as_table()));
  }
  return {};
}

result<std::string> config_reader::entry_text(const toml::table& table, std::string_view section, std::string_view key,
                                              std::size_t max_bytes, bool name) const {
  const toml::node* node = table.get(key);
  if (!node) return fail(errc::invalid_argument, "{}: [[{}]] without {}", at(table.source()), section, key);
  const std::string allowed =
      fmt::format("{} of 1 to {} bytes", name ? "letters, digits, '-', '_' or '.'" : "text", max_bytes);
  const std::string full = fmt::format("{}.{}", section, key);
  if (!node->is_string()) return wrong(*node, full, allowed);
  const std::string& text = node->as_string()->get();
  if (text.empty() || text.size() > max_bytes || text.find('\0') != std::string::npos ||
      (name && !is_name(text, "."))) {
    return wrong(*node, full, allowed);
  }
  return text;
}

status config_reader::read_pipeline(const toml::table& table) {
  const std::vector<std::string_view> known(std::begin(pipeline_keys), std::end(pipeline_keys));
  for (const auto& [key, node] : table) {
    if (std::find(known.begin(), known.end(), key.str()) == known.end()) return unknown(key, "[pipeline]", known);
  }
  pipeline_config p;
  WEIR_TRY(name, entry_text(table, "pipeline", "name", 63, true));
  WEIR_TRY(file, entry_text(table, "pipeline", "file", 4096, false));
  p.name = std::move(name);
  p.file = std::move(file);
  if (const toml::node* from = table.get("from")) {
    if (!from->is_string() || (*from->as_string() != "beginning" && *from->as_string() != "end")) {
      return wrong(*from, "pipeline.from", "\"beginning\" or \"end\"");
    }
    p.from = from->as_string()->get();
  }
  out_.pipelines.push_back(std::move(p));
  return {};
}

// Options stand beside name, stream and connector, or in [source.options].
status config_reader::read_options(const toml::table& table, source_config& to, bool top) {
  const std::vector<std::string_view> known(std::begin(source_keys), std::end(source_keys));
  for (const auto& [key, node] : table) {
    const std::string name(key.str());
    if (top && std::find(known.begin(), known.end(), name) != known.end()) continue;
    std::string text;
    if (node.is_string()) {
      text = node.as_string()->get();
    } else if (node.is_integer() || node.is_floating_point() || node.is_boolean()) {
      text = shown(node);
    } else {
      return wrong(node, "source." + name, "an option's value: a text, a number, true or false");
    }
    if (!to.options.emplace(name, std::move(text)).second) {
      return fail(errc::invalid_argument, "{}: option {} of source {} stands twice", at(key.source()), name, to.name);
    }
  }
  return {};
}

status config_reader::read_source(const toml::table& table) {
  source_config s;
  WEIR_TRY(name, entry_text(table, "source", "name", 128, true));
  WEIR_TRY(stream, entry_text(table, "source", "stream", 63, false));
  WEIR_TRY(connector, entry_text(table, "source", "connector", 63, true));
  s.name = std::move(name);
  s.stream = std::move(stream);
  s.connector = std::move(connector);
  WEIR_TRY_VOID(read_options(table, s, true));
  if (const toml::node* options = table.get("options")) {
    if (!options->is_table()) return wrong(*options, "source.options", "a section: [source.options]");
    WEIR_TRY_VOID(read_options(*options->as_table(), s, false));
  }
  out_.listed_sources.push_back(std::move(s));
  return {};
}

status check_order(std::string_view smaller, std::int64_t a, std::string_view larger, std::int64_t b) {
  if (a <= b) return {};
  return fail(errc::invalid_argument, "{} is above {}; write at most as much", smaller, larger);
}

status check_access(const kafka_access& access, std::string_view section) {
  if (!access.protocol.starts_with("sasl") || (!access.user.empty() && !access.password_file.empty())) return {};
  return fail(errc::invalid_argument, "{}.protocol is {}: write {}.user and {}.password_file", section, access.protocol,
              section, section);
}

status check_kafka(const config& c) {
  WEIR_TRY_VOID(check_order("log.kafka.min_insync", c.kafka.min_insync, "log.kafka.replication", c.kafka.replication));
  if (c.log.kind != "kafka") return {};
  if (c.kafka.timeout_us >= c.node.stall_timeout_us)
    return fail(errc::invalid_argument,
                "log.kafka.timeout is not below node.stall_timeout; a job that waits for brokers would count as hung");
  return check_access(c.kafka, "log.kafka");
}

status check_kafka_sources(const config& c) {
  // A pull makes two calls.
  if (2 * c.sources.kafka_timeout_us >= c.node.stall_timeout_us && !c.sources.kafka_allow.empty())
    return fail(
        errc::invalid_argument,
        "sources.kafka.timeout is not below half of node.stall_timeout; a job that waits for brokers would count "
        "as hung");
  return check_access(c.sources.kafka, "sources.kafka");
}

void make_absolute(std::string& path, const std::filesystem::path& folder) {
  path = (folder / path).lexically_normal().string();
}

}  // namespace

status check(const config& c) {
  WEIR_TRY_VOID(
      check_order("commit.interval_min", c.commit.interval_min_us, "commit.interval_max", c.commit.interval_max_us));
  WEIR_TRY_VOID(
      check_order("sources.restart_min", c.sources.restart_min_us, "sources.restart_max", c.sources.restart_max_us));
  WEIR_TRY_VOID(check_order("supervision.restart_min", c.supervision.restart_min_us, "supervision.restart_max",
                            c.supervision.restart_max_us));
  WEIR_TRY_VOID(
      check_order("limits.chunk_bytes", c.limits.chunk_bytes, "limits.ingest_queue", c.limits.ingest_queue_bytes));
  WEIR_TRY_VOID(check_order("log.max_record", c.log.max_record_bytes, "commit.max_bytes", c.commit.max_bytes));
  WEIR_TRY_VOID(
      check_order("log.max_record", c.log.max_record_bytes, "limits.ingest_queue", c.limits.ingest_queue_bytes));
  WEIR_TRY_VOID(check_order("gateway.max_request_bytes", c.gateway.max_request_bytes, "gateway.max_inflated_bytes",
                            c.gateway.max_inflated_bytes));
  WEIR_TRY_VOID(check_order("gateway.max_inflated_bytes", c.gateway.max_inflated_bytes, "http.pending_bytes",
                            c.http.pending_bytes));
  WEIR_TRY_VOID(check_kafka(c));
  WEIR_TRY_VOID(check_kafka_sources(c));
  if (c.cluster.lease_us < 3 * c.cluster.heartbeat_interval_us)
    return fail(errc::invalid_argument, "cluster.lease is shorter than three of cluster.heartbeat_interval");
  std::set<std::string_view> names;
  for (const pipeline_config& p : c.pipelines) {
    if (!names.insert(p.name).second) return fail(errc::conflict, "two [[pipeline]] are named {}", p.name);
  }
  names.clear();
  for (const source_config& s : c.listed_sources) {
    if (!names.insert(s.name).second) return fail(errc::conflict, "two [[source]] are named {}", s.name);
  }
  return {};
}

result<config> parse_config(std::string_view text, std::string_view name) {
  config_reader reader(name);
  try {
    const toml::table root = toml::parse(text, name);
    WEIR_TRY_VOID(reader.read(root));
  } catch (const toml::parse_error& e) {
    return fail(errc::parse_error, "{}:{}:{}: {}", name, e.source().begin.line, e.source().begin.column,
                e.description());
  }
  config out = reader.take();
  if (const status checked = check(out); !checked) {
    error e = checked.error();
    e.message = fmt::format("{}: {}", name, e.message);
    return fail(std::move(e));
  }
  return out;
}

result<config> load_config(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::error_code code;
  if (!file || std::filesystem::is_directory(path, code)) {
    return fail(errc::not_found, "config file {} cannot be read", path.string());
  }
  std::string text(max_file_bytes + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad()) return fail(errc::io_error, "config file {} cannot be read", path.string());
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > max_file_bytes) {
    return fail(errc::limit_exceeded, "config file {} is larger than {}", path.string(),
                format_size(static_cast<std::int64_t>(max_file_bytes)));
  }
  WEIR_TRY(out, parse_config(text, path.string()));
  const std::filesystem::path folder = std::filesystem::absolute(path, code).parent_path();
  if (code) return fail(errc::io_error, "folder of {}: {}", path.string(), code.message());
  make_absolute(out.node.data_dir, folder);
  for (std::string* file_name :
       {&out.kafka.password_file, &out.kafka.ca, &out.sources.kafka.password_file, &out.sources.kafka.ca,
        &out.sources.descriptors, &out.sources.registry_password_file, &out.sources.registry_ca})
    if (!file_name->empty()) make_absolute(*file_name, folder);
  for (std::string& allowed : out.sources.file_allow) make_absolute(allowed, folder);
  if (auto& registry = out.sources.kafka_registry; !registry.empty() && !registry.starts_with("http"))
    make_absolute(registry, folder);
  for (std::string& allowed : out.sources.mqtt_folders) make_absolute(allowed, folder);
  for (pipeline_config& p : out.pipelines) make_absolute(p.file, folder);
  for (source_config& s : out.listed_sources) {
    for (auto& [name, value] : s.options)
      if (name == "path" || name.ends_with("_file")) make_absolute(value, folder);
  }
  return out;
}

}  // namespace weir
