// One fuzz target: a function that takes any bytes. What it must not do is crash, hang, touch memory that is not its
// own, or break a law that it checks. Under libFuzzer (fuzz_main.cpp) and in the ordinary test (replay_test.cpp) it is
// the same function.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace weir::fuzz {

struct target {
  std::string_view name;  // of its folder in tests/fuzz/corpus too
  void (*run)(std::string_view bytes);
};
std::span<const target> targets();

// A law that does not hold; libFuzzer keeps the input, the test fails with the text.
class violation : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

template <class... Args>
void require(bool holds, fmt::format_string<Args...> law, Args&&... args) {
  if (!holds) throw violation(fmt::format(law, std::forward<Args>(args)...));
}

// Takes an input apart. Inputs begin with a line of options where a target has some, so that they can be read.
class input {
 public:
  explicit input(std::string_view bytes) : rest_(bytes) {}

  bool empty() const { return rest_.empty(); }
  std::string_view rest() const { return rest_; }
  // Up to the next newline, which is taken too.
  std::string_view line() {
    const auto end = rest_.find('\n');
    const auto found = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return found;
  }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto b = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return b;
  }
  // One of `count`, by the next byte; digits are themselves.
  std::size_t choice(std::size_t count) { return static_cast<std::uint8_t>(byte() - '0') % count; }
  // A piece whose length stands before it in two bytes, the higher one first; or what is left.
  std::string_view piece() {
    const std::size_t high = byte(), low = byte();
    const auto size = std::min(high << 8 | low, rest_.size());
    const auto found = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return found;
  }

 private:
  std::string_view rest_;
};

void run_json(std::string_view bytes);
void run_csv(std::string_view bytes);
void run_isd(std::string_view bytes);
void run_avro(std::string_view bytes);
void run_protobuf(std::string_view bytes);
void run_framing(std::string_view bytes);
void run_gzip(std::string_view bytes);
void run_values(std::string_view bytes);
void run_keys(std::string_view bytes);
void run_sql(std::string_view bytes);
void run_http(std::string_view bytes);
void run_websocket(std::string_view bytes);
void run_mqtt(std::string_view bytes);
void run_stamps(std::string_view bytes);
void run_stored_batch(std::string_view bytes);
void run_stream_entry(std::string_view bytes);
void run_view_state(std::string_view bytes);
void run_shard_state(std::string_view bytes);
void run_control(std::string_view bytes);
void run_tokens(std::string_view bytes);
void run_positions(std::string_view bytes);
void run_config(std::string_view bytes);

}  // namespace weir::fuzz
