#include "actors/schema_registry.hpp"

#include <fmt/ranges.h>

#include <charconv>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "actors/kafka_clients.hpp"
#include "runtime/excerpt.hpp"
#include "runtime/format/avro_schema.hpp"

namespace weir {

namespace {

using json = nlohmann::json;

constexpr std::size_t max_schema = 1U << 20, max_known = 10'000, max_files = 10'000;
constexpr int max_reference_depth = 16;
constexpr std::size_t max_references = 200;
constexpr unsigned found = 200, absent = 404, in_conflict = 409;
constexpr int no_subject = 40401;  // Confluent's own code

json parsed(const std::string& body) { return json::parse(body, nullptr, false); }

std::string text_at(const json& in, const char* name) {
  const auto it = in.is_object() ? in.find(name) : in.end();
  return it != in.end() && it->is_string() ? it->get<std::string>() : std::string();
}

json references_in(const json& in) {
  const auto it = in.is_object() ? in.find("references") : in.end();
  return it != in.end() && it->is_array() ? *it : json::array();
}

std::string message_of(const registry_answer& a) {
  auto out = text_at(parsed(a.body), "message");
  return out.empty() ? std::string(quoted_excerpt(a.body)) : out;
}

// References name the subjects of what the schema imports; `versions` has those.
std::string body_of(const std::string& text, bool is_protobuf, const std::vector<std::string>& imports,
                    const std::map<std::string, std::uint64_t>& versions) {
  json out{{"schema", text}};
  if (is_protobuf) out["schemaType"] = "PROTOBUF";
  for (const auto& name : imports)
    out["references"].push_back({{"name", name}, {"subject", name}, {"version", versions.at(name)}});
  return out.dump();
}

std::string subject_path(const schema_offer& offer) { return "/subjects/" + path_escaped(offer.subject); }

std::optional<std::uint32_t> id_in(const registry_answer& a) {
  const auto in = parsed(a.body);
  if (!in.is_object() || !in.contains("id") || !in["id"].is_number_unsigned()) return std::nullopt;
  const auto id = in["id"].get<std::uint64_t>();
  return id <= std::numeric_limits<std::int32_t>::max() ? std::optional(static_cast<std::uint32_t>(id)) : std::nullopt;
}

}  // namespace

result<registry_answer> schema_registry::exchange(const registry_place& to, const registry_request& what) const {
  WEIR_TRY(got, ask_registry(to, what, options_.timeout));
  if (got.status == 401 || got.status == 403)
    return with_hint(fail(errc::permission_denied, "the schema registry {} refuses {} {} ({}): {}", where_, what.method,
                          what.target, got.status, message_of(got)),
                     "let this node read and write its subjects");
  if (got.status >= 500)
    return fail(errc::unavailable, "the schema registry {} answers {}: {}", where_, got.status, message_of(got));
  return got;
}

result<std::string> schema_registry::ask(std::uint32_t id) const {
  WEIR_TRY(to, place());
  WEIR_TRY(got, exchange(to, {"GET", fmt::format("/schemas/ids/{}", id), {}}));
  if (got.status == absent) return fail(errc::not_found, "the schema registry {} has no schema {}", where_, id);
  if (got.status != found) return fail(errc::unavailable, "the schema registry {} answers {}", where_, got.status);
  const auto in = parsed(got.body);
  const auto text = text_at(in, "schema");
  if (text.empty()) return fail(errc::unavailable, "the schema registry {} answers what is no schema", where_);
  if (in.contains("schemaType") && in["schemaType"] != "AVRO")
    return fail(errc::unsupported, "schema {} of {} is no Avro", id, where_);
  if (references_in(in).empty()) return text;
  json types = json::array();
  reference_walk walk;
  WEIR_TRY_VOID(add_references(to, in, 1, walk, types));
  const auto root = parsed(text);
  if (root.is_discarded()) return fail(errc::unsupported, "schema {} of {} is no JSON", id, where_);
  return json{{"types", std::move(types)}, {"root", root}}.dump();
}

// Those that a schema is made of, each behind what it is made of itself.
status schema_registry::add_references(const registry_place& to, const json& of, int depth, reference_walk& walk,
                                       json& types) const {
  for (const auto& one : references_in(of)) {
    const auto subject = text_at(one, "subject");
    if (subject.empty() || !one.contains("version") || !one["version"].is_number_integer())
      return fail(errc::unavailable, "the schema registry {} answers what is no reference", where_);
    const auto target = fmt::format("/subjects/{}/versions/{}", path_escaped(subject), one["version"].dump());
    if (!walk.insert(target).second) continue;
    if (depth > max_reference_depth || walk.size() > max_references)
      return fail(errc::limit_exceeded, "a schema of {} is made of more than {} others, or deeper than {}", where_,
                  max_references, max_reference_depth);
    WEIR_TRY(got, exchange(to, {"GET", target, {}}));
    const auto in = parsed(got.body);
    const auto type = parsed(text_at(in, "schema"));
    if (got.status != found || type.is_discarded())
      return fail(errc::unavailable, "the schema registry {} has no schema {} ({})", where_, target, got.status);
    WEIR_TRY_VOID(add_references(to, in, depth + 1, walk, types));
    types.push_back(type);
  }
  return {};
}

result<registry_place> schema_registry::place() const {
  WEIR_TRY(to, parse_registry_place(where_));
  to.ca = options_.ca;
  if (options_.user.empty()) return to;
  WEIR_TRY(password, first_line_of(options_.password_file, "sources.kafka.registry_password_file"));
  to.authorization = basic_authorization(options_.user, password);
  return to;
}

result<std::string> schema_registry::read_whole(const std::filesystem::path& path) const {
  std::error_code problem;
  if (!std::filesystem::is_directory(where_, problem))
    return fail(errc::unavailable, "sources.kafka.registry {} is no folder that can be read", where_);
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(errc::not_found, "there is no schema {}", path.string());
  std::string text(max_schema + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) return fail(errc::io_error, "the schema {} cannot be read", path.string());
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

result<std::string> schema_registry::read_file(std::uint32_t id) const {
  return read_whole(std::filesystem::path(where_) / fmt::format("{}.avsc", id));
}

result<std::string> schema_registry::schema(std::uint32_t id) {
  if (where_.empty())
    return fail(errc::unavailable, "no schemas are known: name a registry or a folder in sources.kafka.registry");
  {
    std::lock_guard lock(mutex_);
    if (const auto it = known_.find(id); it != known_.end()) return it->second;
  }
  auto got = is_web() ? ask(id) : read_file(id);
  if (!got) return got;
  if (got->size() > max_schema)
    return fail(errc::limit_exceeded, "schema {} of {} has more than {} bytes", id, where_, max_schema);
  std::lock_guard lock(mutex_);
  if (known_.size() >= max_known) known_.clear();
  known_[id] = *got;
  return got;
}

result<std::uint32_t> schema_registry::number_of(const schema_offer& offer) const {
  if (where_.empty())
    return with_hint(
        fail(errc::invalid_argument, "the subject {} needs a schema registry, and none is known", offer.subject),
        "name a registry or a folder in sources.kafka.registry in config.toml");
  if (!is_web()) return file_of(offer);
  WEIR_TRY(to, place());
  return enter(to, offer);
}

// By their numbers.
result<std::set<std::uint32_t>> schema_registry::files_of(std::string_view extension) const {
  std::error_code problem;
  std::set<std::uint32_t> ids;
  for (const auto& entry : std::filesystem::directory_iterator(where_, problem)) {
    const auto name = entry.path().stem().string();
    std::uint32_t id = 0;
    const auto* const end = name.data() + name.size();
    const auto [at, code] = std::from_chars(name.data(), end, id);
    if (entry.path().extension() == extension && code == std::errc() && at == end) ids.insert(id);
    if (ids.size() > max_files)
      return fail(errc::limit_exceeded, "the folder {} has more than {} schemas", where_, max_files);
  }
  if (problem)
    return fail(errc::unavailable, "sources.kafka.registry {} is no folder that can be read: {}", where_,
                problem.message());
  return ids;
}

// The file with the least number that holds the same: of Avro ID.avsc, where names of records and texts for people do
// not matter, of Protobuf ID.desc with the same descriptors of the message.
result<std::uint32_t> schema_registry::file_of(const schema_offer& offer) const {
  const std::string_view extension = offer.is_protobuf() ? ".desc" : ".avsc";
  const auto wanted = offer.is_protobuf() ? nullptr : avro_schema::parse(offer.text).value_or(nullptr);
  const auto is_same = [&](const std::string& text) {
    if (offer.is_protobuf()) {
      const auto one = protobuf_type::parse(text, offer.message);
      return one && (*one)->descriptor_set() == offer.descriptor_set;
    }
    const auto one = avro_schema::parse(text);
    return one && wanted && same_data((*one)->root(), wanted->root());
  };
  WEIR_TRY(ids, files_of(extension));
  for (const auto id : ids) {
    WEIR_TRY(text, read_whole(std::filesystem::path(where_) / fmt::format("{}{}", id, extension)));
    if (is_same(text)) return id;
  }
  return with_hint(fail(errc::not_found, "no file in {} has the schema of {}", where_, offer.subject),
                   fmt::format("write it to {}/ID{}, where ID is its number: {}", where_, extension,
                               offer.is_protobuf() ? "the descriptor set of message " + offer.message : offer.text));
}

result<schema_registry::subject_versions> schema_registry::enter_imports(const registry_place& to,
                                                                         const schema_offer& offer) const {
  subject_versions out;
  for (const auto& one : offer.imports) {
    const auto path = "/subjects/" + path_escaped(one.name);
    const auto body = body_of(one.text, true, one.imports, out);
    WEIR_TRY(entered, exchange(to, {"POST", path + "/versions", body}));
    if (entered.status == found) {
      WEIR_TRY(known, exchange(to, {"POST", path, body}));
      const auto in = parsed(known.body);
      if (in.is_object() && in.contains("version") && in["version"].is_number_unsigned()) {
        out[one.name] = in["version"].get<std::uint64_t>();
        continue;
      }
    }
    return fail(errc::rejected,
                "the schema registry {} does not take {}, which the schema of subject {} imports ({}): {}", where_,
                one.name, offer.subject, entered.status, message_of(entered));
  }
  return out;
}

result<std::uint32_t> schema_registry::enter(const registry_place& to, const schema_offer& offer) const {
  WEIR_TRY(versions, enter_imports(to, offer));
  const auto body = body_of(offer.text, offer.is_protobuf(), offer.direct_imports, versions);
  WEIR_TRY(known, exchange(to, {"POST", subject_path(offer), body}));
  const auto said = parsed(known.body);
  const bool is_new =
      known.status == absent && said.is_object() && said.contains("error_code") && said["error_code"] == no_subject;
  WEIR_TRY_VOID(check_level(to, offer, is_new));
  if (known.status == found)
    if (const auto id = id_in(known)) return *id;
  if (!is_new) WEIR_TRY_VOID(check_compatible(to, offer, body));
  WEIR_TRY(entered, exchange(to, {"POST", subject_path(offer) + "/versions", body}));
  if (entered.status == in_conflict) return refused(to, offer, message_of(entered));
  const auto id = entered.status == found ? id_in(entered) : std::nullopt;
  if (!id)
    return fail(errc::rejected, "the schema registry {} does not take the schema of subject {} ({}): {}", where_,
                offer.subject, entered.status, message_of(entered));
  return *id;
}

status schema_registry::check_level(const registry_place& to, const schema_offer& offer, bool is_new) const {
  if (offer.compatibility.empty()) return {};
  if (is_new) {
    WEIR_TRY(set, exchange(to, {"PUT", "/config/" + path_escaped(offer.subject),
                                json{{"compatibility", offer.compatibility}}.dump()}));
    if (set.status == found) return {};
    return fail(errc::rejected, "the schema registry {} does not take compatibility {} for subject {} ({}): {}", where_,
                offer.compatibility, offer.subject, set.status, message_of(set));
  }
  const auto now = level_of(to, offer.subject);
  if (now == offer.compatibility) return {};
  return with_hint(fail(errc::conflict, "subject {} has compatibility {}, and the view asks for {}", offer.subject, now,
                        offer.compatibility),
                   "a subject that is there keeps its level: change it at the registry, or leave the option out");
}

status schema_registry::check_compatible(const registry_place& to, const schema_offer& offer,
                                         const std::string& body) const {
  WEIR_TRY(
      got,
      exchange(to, {"POST",
                    fmt::format("/compatibility/subjects/{}/versions/latest?verbose=true", path_escaped(offer.subject)),
                    body}));
  if (got.status == absent) return {};  // all its versions were deleted
  const auto in = parsed(got.body);
  if (got.status != found || !in.is_object() || !in.contains("is_compatible"))
    return fail(errc::rejected, "the schema registry {} cannot say whether the schema fits subject {} ({}): {}", where_,
                offer.subject, got.status, message_of(got));
  if (in["is_compatible"] == true) return {};
  std::vector<std::string> why;
  if (in.contains("messages") && in["messages"].is_array())
    for (const auto& m : in["messages"]) why.push_back(m.is_string() ? m.get<std::string>() : m.dump());
  return refused(to, offer, why.empty() ? "it is not compatible" : fmt::format("{}", fmt::join(why, "; ")));
}

std::string schema_registry::level_of(const registry_place& to, const std::string& subject) const {
  const auto got = exchange(to, {"GET", fmt::format("/config/{}?defaultToGlobal=true", path_escaped(subject)), {}});
  auto level = got && got->status == found ? text_at(parsed(got->body), "compatibilityLevel") : std::string();
  return level.empty() ? "unknown" : level;
}

tl::unexpected<error> schema_registry::refused(const registry_place& to, const schema_offer& offer,
                                               std::string_view said) const {
  return with_hint(
      fail(errc::conflict, "the schema of subject {} (compatibility {}) would not fit those that are there: {}",
           offer.subject, level_of(to, offer.subject), said),
      "give the view another topic, keep the columns that its topic has, or make the subject's compatibility weaker at "
      "the registry");
}

}  // namespace weir
