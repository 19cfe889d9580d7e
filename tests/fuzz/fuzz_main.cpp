// The libFuzzer program of all targets: WEIR_FUZZ_TARGET names the one to run (tools/fuzz sets it). One program, since
// linking and instrumenting once is what keeps the build short.
#include <cstdio>
#include <cstdlib>

#include "tests/fuzz/fuzz_target.hpp"

namespace {

const weir::fuzz::target* chosen = nullptr;

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  const char* name = std::getenv("WEIR_FUZZ_TARGET");
  for (const auto& t : weir::fuzz::targets()) {
    if (name == nullptr) std::printf("%s\n", t.name.data());
    if (name != nullptr && t.name == name) chosen = &t;
  }
  if (name == nullptr) std::exit(0);  // without a target: their list
  if (chosen == nullptr) {
    std::fprintf(stderr, "fuzz: there is no target '%s'; run without WEIR_FUZZ_TARGET for the list\n", name);
    std::exit(2);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(bytes), size});
  return 0;
}
