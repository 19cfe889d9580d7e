#include <caf/all.hpp>
#include <nlohmann/json.hpp>

#include "cmake/pch/test.hpp"
