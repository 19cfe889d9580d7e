// A control state that commands work on, without a log: what a command answers is folded in at once.
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "cluster/control_state.hpp"

namespace weir {

inline const std::string camera_sql =
    "CREATE TABLE camera (image text NOT NULL, probability double precision)\n"
    "  WITH (format = 'json', lateness = '2 s');\n";
inline const std::string socks_sql =
    camera_sql + "CREATE MATERIALIZED VIEW socks AS SELECT image, probability FROM camera WHERE image <> 'Blank';\n";
inline const std::string sure_sql =
    "CREATE MATERIALIZED VIEW sure AS SELECT image FROM socks WHERE probability > 0.5;\n";

inline source_record source_of(std::string name, std::string stream = "camera") {
  return {std::move(name), std::move(stream), "simulate", {{"rate", "3"}}, run_state::running, 0};
}

struct control_fixture {
  control_state state;
  std::shared_ptr<const control_plan> plan = plan_control(state).value();

  using answer = result<std::vector<control_record>>;

  // Folds a command's records in; answers how many there were.
  std::size_t take(const answer& records) {
    if (!records) FAIL(records.error().text());
    for (const control_record& r : *records) {
      REQUIRE(fold_control(state, {state.offset + 1, r.key, r.value, {}, 0}));
    }
    plan = plan_control(state).value();
    return records->size();
  }
  answer apply(std::string_view name, std::string_view sql, bool replace = false) const {
    return apply_pipeline(*plan, name, sql, replace, true);
  }
};

// The error of a refused command.
inline error refused(const control_fixture::answer& records) {
  if (records) FAIL("the command was not refused");
  return records ? error{} : records.error();
}

inline bool mentions(const error& e, std::string_view part) { return e.text().find(part) != std::string::npos; }

}  // namespace weir
