#include "runtime/sql/bind_context.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/sql/sql_error.hpp"
#include "runtime/sql/words.hpp"
#include "runtime/time/timestamp.hpp"

namespace weir {
namespace {

// The number behind a minus sign at `at`: 0 when there is none. Blanks, comments, brackets and further signs may stand
// between.
std::int64_t negative_number_at(std::string_view sql, std::size_t at) {
  if (at >= sql.size() || sql[at] != '-') return 0;
  while (at < sql.size() && (sql[at] < '0' || sql[at] > '9')) {
    if (sql.substr(at, 2) == "--" || sql.substr(at, 2) == "/*")
      at = std::min(sql.find(sql[at] == '-' ? "\n" : "*/", at), sql.size() - 1);
    ++at;
  }
  std::int64_t value = 0;
  std::from_chars(sql.data() + at, sql.data() + sql.size(), value);
  return -value;
}

}  // namespace

std::int64_t bind_context::integer_constant(tree_node constant) const {
  const auto value = constant.child("ival").number("ival");
  if (value != 0 || constant.number("location") < 0) return value;
  return negative_number_at(sql_, begin_ + static_cast<std::size_t>(constant.number("location")));
}

std::int64_t bind_context::integer_option(tree_node value, std::size_t at) const {
  const auto number = value.number("ival");
  if (number != 0) return number;
  const auto equals = sql_.find('=', at);
  if (equals == std::string_view::npos) return 0;
  return negative_number_at(sql_, std::min(sql_.find_first_not_of(" \t\r\n", equals + 1), sql_.size()));
}

std::size_t bind_context::at(tree_node node) const {
  const auto kind = node.kind();
  const bool wrapped = !kind.empty() && kind.front() >= 'A' && kind.front() <= 'Z';
  const auto fields = wrapped ? node.unwrap() : node;
  if (fields.has("location") && fields.number("location") >= 0)
    return begin_ + static_cast<std::size_t>(fields.number("location"));
  return begin_ + leftmost_location(fields, 0);
}

tl::unexpected<error> bind_context::fail(errc code, std::size_t at, std::string_view message, std::string hint) const {
  return sql_failure(code, sql_, at, message, std::move(hint));
}

tl::unexpected<error> bind_context::refuse(std::size_t at, std::string_view word) const {
  const auto* entry = find_word(word);
  if (entry == nullptr || entry->runs)
    return fail(errc::unsupported, at, fmt::format("{} is not supported", word), "leave it out");
  return fail(errc::unsupported, at, entry->reason, entry->instead);
}

int bind_context::shape(const std::string& description) {
  return shapes_.try_emplace(description, static_cast<int>(shapes_.size())).first->second;
}

status bind_context::count_node(std::size_t at) {
  if (++nodes_ <= limits_.expression_nodes) return {};
  return fail(errc::limit_exceeded, at,
              fmt::format("more than {} parts of expressions in one statement", limits_.expression_nodes),
              "split it into several views");
}

namespace {

std::string option_value(const bind_context& context, tree_node value, std::size_t at) {
  const auto fields = value.unwrap();
  if (value.kind() == "String") return std::string(fields.text("sval"));
  if (value.kind() == "Integer") return std::to_string(context.integer_option(fields, at));
  if (value.kind() == "Float") return std::string(fields.text("fval"));
  if (value.kind() == "Boolean") return fields.flag("boolval") ? "true" : "false";
  if (value.kind() == "TypeName") {
    const auto names = fields.names("names");
    return names.empty() ? std::string() : names.back();
  }
  return {};
}

}  // namespace

result<std::vector<with_option>> read_options(const bind_context& context, const std::vector<tree_node>& definitions) {
  std::vector<with_option> out;
  for (const auto& definition : definitions) {
    const auto fields = definition.unwrap();
    const auto at = context.at(definition);
    with_option option{std::string(fields.text("defname")), option_value(context, fields.child("arg"), at), at};
    if (option.value.empty())
      return context.invalid(option.at, fmt::format("option {} has no value", option.name),
                             fmt::format("write {} = '...'", option.name));
    for (const auto& other : out)
      if (other.name == option.name)
        return context.invalid(option.at, fmt::format("option {} is given twice", option.name), "leave one out");
    out.push_back(std::move(option));
  }
  return out;
}

result<std::int64_t> read_interval_option(const bind_context& context, const with_option& option, bool zero_allowed) {
  auto us = parse_interval(option.value);
  if (!us)
    return context.invalid(option.at, fmt::format("option {}: {}", option.name, us.error().message),
                           fmt::format("write a length of time: {} = '10 s'", option.name));
  if (*us < 0 || (*us == 0 && !zero_allowed))
    return context.invalid(option.at,
                           fmt::format("option {} must be greater than zero, not '{}'", option.name, option.value),
                           fmt::format("write a length of time: {} = '10 s'", option.name));
  return *us;
}

result<std::int64_t> read_count_option(const bind_context& context, const with_option& option) {
  std::int64_t value = 0;
  const char* end = option.value.data() + option.value.size();
  const auto [stop, failed] = std::from_chars(option.value.data(), end, value);
  if (failed != std::errc() || stop != end || value <= 0)
    return context.invalid(
        option.at, fmt::format("option {} must be a whole number above zero, not '{}'", option.name, option.value),
        fmt::format("write {} = 1000", option.name));
  return value;
}

tl::unexpected<error> unknown_option(const bind_context& context, const with_option& option,
                                     const std::vector<std::string_view>& known) {
  return context.invalid(option.at, fmt::format("unknown option {}", option.name),
                         fmt::format("known options are {}", fmt::join(known, ", ")));
}

status check_new_name(const bind_context& context, const std::string& name, std::size_t at) {
  const char* what = context.known().streams.contains(name) ? "stream"
                     : context.known().views.contains(name) ? "view"
                                                            : "";
  if (*what == '\0') return {};
  return context.fail(errc::already_exists, at, fmt::format("a {} named {} exists already", what, name),
                      "streams and views share one set of names: choose another name");
}

result<std::string> read_relation_name(const bind_context& context, tree_node range_var) {
  if (range_var.has("schemaname") || range_var.has("catalogname"))
    return context.fail(errc::unsupported, context.at(range_var), "names of streams and views have no schema",
                        fmt::format("write {}", range_var.text("relname")));
  return std::string(range_var.text("relname"));
}

}  // namespace weir
