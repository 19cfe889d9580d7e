// A weir-node process for benchmarks: started in a folder of its own, asked over HTTP, ended by its destructor.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/bench/child_process.hpp"

namespace weir::bench {

struct node_address {
  std::uint16_t port = 0;
  std::string token;
};

// A connected, non-blocking TCP socket to a port of this machine; throws.
int connect_to(std::uint16_t port);

class node_process {
 public:
  // Writes config.toml and starts the program; throws when /readyz does not say yes within a minute.
  node_process(const std::filesystem::path& program, const std::filesystem::path& folder, const std::string& config);

  const node_address& address() const { return address_; }
  // Status and JSON of the answer; status 0: nobody answered.
  std::pair<int, nlohmann::json> ask(const std::string& method, const std::string& path, const std::string& body = {});
  double cpu_s() const { return process_->cpu_s(); }
  std::map<std::string, double> cpu_by_thread_s() const { return process_->cpu_by_thread_s(); }
  std::uint64_t peak_mb() const { return process_->peak_mb(); }

 private:
  std::optional<child_process> process_;
  node_address address_;
};

}  // namespace weir::bench
