#pragma once

#include <memory>

#include "runtime/operators/view_operator.hpp"

namespace weir {

std::unique_ptr<view_operator> make_stateless_operator(const view_plan& plan);

}  // namespace weir
