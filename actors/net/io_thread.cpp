#include "actors/net/io_thread.hpp"

#include <pthread.h>

namespace weir {

boost::asio::io_context& io_thread::context() {
  std::lock_guard lock(mutex_);
  if (!thread_.joinable()) {
    work_.emplace(context_.get_executor());
    std::packaged_task<void()> run([this] {
      pthread_setname_np(pthread_self(), "weir.sockets");
      context_.run();
    });
    ended_ = run.get_future();
    thread_ = std::thread(std::move(run));
  }
  return context_;
}

io_thread::~io_thread() {
  if (!thread_.joinable()) return;
  work_.reset();
  if (ended_.wait_for(patience) != std::future_status::ready) context_.stop();
  thread_.join();
}

}  // namespace weir
