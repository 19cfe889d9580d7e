// One thread for the sockets of connectors: what waits for a network waits here, never on the worker pool.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

namespace weir {

// The thread starts with the first use. Ending it lets connections that are closing say goodbye, for at most
// `patience`.
class io_thread {
 public:
  io_thread() = default;
  ~io_thread();
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  // Everything on it runs one after the other: no strands are needed.
  boost::asio::io_context& context();

  static constexpr std::chrono::milliseconds patience{2'000};

 private:
  std::mutex mutex_;
  boost::asio::io_context context_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
  std::future<void> ended_;
  std::thread thread_;
};

}  // namespace weir
