// Without brokers this program is skipped, and fails where servers are required.
#define CATCH_CONFIG_EXTERNAL_INTERFACES
#include <catch2/catch.hpp>
#include <cstdio>

#include "tests/runtime/log/kafka/kafka_under_test.hpp"

namespace weir::test {
namespace {

constexpr int skipped = 77;

class needs_kafka : public Catch::TestEventListenerBase {
 public:
  using TestEventListenerBase::TestEventListenerBase;
  void testRunStarting(const Catch::TestRunInfo&) override {
    try {
      if (!kafka_brokers().empty()) return;
      std::puts("skipped: WEIR_KAFKA names no brokers; start one with tools/kafka start");
      std::exit(skipped);
    } catch (const std::exception& required) {
      std::puts(required.what());
      std::exit(1);
    }
  }
};

CATCH_REGISTER_LISTENER(needs_kafka)

}  // namespace
}  // namespace weir::test
