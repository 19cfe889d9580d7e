// What a node leaves in its data_dir for people and tools on the same machine: its token, and node.json, which tells
// `weir` where the node listens. Both can be read by the node's user alone.
#pragma once

#include <string>

#include "runtime/result.hpp"

namespace weir {

// The configured token, else the one in data_dir/token, else a new one of 256 random bits, which is written there.
result<std::string> node_token(const std::string& configured, const std::string& data_dir);

// data_dir/node.json, from start to clean stop.
class node_file {
 public:
  static result<node_file> write(const std::string& data_dir, const std::string& url, const std::string& token);
  void remove();
  const std::string& path() const { return path_; }

 private:
  explicit node_file(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace weir
