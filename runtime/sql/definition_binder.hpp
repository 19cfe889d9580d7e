// Statements to plans: CREATE TABLE, CREATE MATERIALIZED VIEW, SELECT.
#pragma once

#include "runtime/sql/bind_context.hpp"
#include "runtime/sql/plan.hpp"

namespace weir {

result<stream_definition> bind_table(bind_context& context, tree_node create);
result<view_plan> bind_view(bind_context& context, tree_node create);
result<pull_plan> bind_query(bind_context& context, tree_node select);

}  // namespace weir
