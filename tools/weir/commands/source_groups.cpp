#include "tools/weir/commands/source_groups.hpp"

#include <fmt/format.h>

#include <map>
#include <vector>

namespace weir::cli {

namespace {

// "running", or "running 3, waiting 13".
std::string states_of(const std::vector<const json*>& members) {
  std::map<std::string, std::size_t> counts;
  for (const auto* m : members) ++counts[m->value("state", "")];
  if (counts.size() == 1) return counts.begin()->first;
  std::string out;
  for (const auto& [state, count] : counts) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", state, count);
  return out;
}

json folded(const std::string& group, const std::vector<const json*>& members) {
  json out = *members.front();
  out["name"] = fmt::format("{}.* ({})", group, members.size());
  out["state"] = states_of(members);
  json rate, lag, problem;
  for (const auto* m : members) {
    const auto r = m->value("rate", json()), l = m->value("lag", json()), e = m->value("last_error", json());
    if (r.is_number()) rate = rate.is_null() ? r : json(rate.get<double>() + r.get<double>());
    if (l.is_number() && (lag.is_null() || l < lag)) lag = l;
    if (problem.is_null()) problem = e;
  }
  out["rate"] = rate;
  out["lag"] = lag;
  out["last_error"] = problem;
  return out;
}

}  // namespace

json fold_groups(const json& sources) {
  std::map<std::string, std::vector<const json*>> groups;
  const auto group_of = [](const json& source) {
    const auto group = source.value("group", json());
    return group.is_string() ? group.get<std::string>() : std::string();
  };
  for (const auto& s : sources) groups[group_of(s)].push_back(&s);
  json out = json::array();
  for (const auto& s : sources) {
    const auto group = group_of(s);
    if (group.empty())
      out.push_back(s);
    else if (groups[group].front() == &s)
      out.push_back(folded(group, groups[group]));
  }
  return out;
}

}  // namespace weir::cli
