// The suite against the embedded and the simulated log.
#define LOGS_UNDER_TEST local_under_test, sim_under_test
#include "tests/runtime/log/conformance_suite.hpp"
