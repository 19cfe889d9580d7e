// The suite against Apache Kafka.
#include "tests/runtime/log/kafka/kafka_under_test.hpp"
#define LOGS_UNDER_TEST kafka_under_test
#include "tests/runtime/log/conformance_suite.hpp"
