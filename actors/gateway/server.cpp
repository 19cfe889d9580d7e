// The listener and its threads. Beast's own code is compiled here, once.
#include <pthread.h>

#include <boost/beast/src.hpp>
#include <thread>

#include "actors/gateway/connection.hpp"
#include "actors/gateway/gateway.hpp"

namespace weir {
namespace {

// Connections over the limit that are told so; more are closed without a word.
constexpr std::int64_t max_refusals = 32;
constexpr auto accept_pause = std::chrono::milliseconds(50);  // after an error like "too many open files"

result<tcp::endpoint> endpoint_of(asio::io_context& io, const gateway_options& options) {
  beast::error_code code;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(options.host, std::to_string(options.port),
                                      tcp::resolver::passive | tcp::resolver::numeric_service, code);
  if (code || found.empty()) {
    return with_hint(
        fail(errc::invalid_argument, "gateway option host: '{}' is no address: {}", options.host, code.message()),
        "write 127.0.0.1, or an address of this machine");
  }
  return found.begin()->endpoint();
}

status listen_on(tcp::acceptor& acceptor, const tcp::endpoint& where) {
  beast::error_code code;
  acceptor.open(where.protocol(), code);
  if (!code) acceptor.set_option(asio::socket_base::reuse_address(true), code);
  if (!code) acceptor.bind(where, code);
  if (!code) acceptor.listen(asio::socket_base::max_listen_connections, code);
  if (!code) return {};
  return with_hint(fail(errc::io_error, "the gateway cannot listen on {}:{}: {}", where.address().to_string(),
                        where.port(), code.message()),
                   "choose another port in the [gateway] section of config.toml, or stop what listens there");
}

}  // namespace

void connection_registry::add(connection* what, std::weak_ptr<connection> held) {
  const std::lock_guard lock(mutex_);
  members_.emplace(what, std::move(held));
}

void connection_registry::remove(connection* what) {
  const std::lock_guard lock(mutex_);
  members_.erase(what);
  if (members_.empty()) empty_.notify_all();
}

std::vector<std::shared_ptr<connection>> connection_registry::all() {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<connection>> out;
  for (const auto& [what, held] : members_) {
    if (auto alive = held.lock()) out.push_back(std::move(alive));
  }
  return out;
}

bool connection_registry::wait_until_empty(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  return empty_.wait_for(lock, limit, [&] { return members_.empty(); });
}

class gateway::impl {
 public:
  impl()
      : io_(std::make_shared<asio::io_context>()),
        acceptor_(asio::make_strand(*io_)),
        pause_(acceptor_.get_executor()) {}

  status listen(gateway_options options, node_api& node) {
    WEIR_TRY(where, endpoint_of(*io_, options));
    WEIR_TRY_VOID(listen_on(acceptor_, where));
    port_ = acceptor_.local_endpoint().port();
    state_ = std::make_shared<server_state>(std::move(options), node, port_);
    return {};
  }

  void run() {
    accept();
    for (int i = 0; i < state_->options.threads; ++i) {
      threads_.emplace_back([this] {
        pthread_setname_np(pthread_self(), "weir.gateway");
        io_->run();
      });
    }
  }

  void stop() {
    if (threads_.empty()) return;
    state_->stopping = true;
    asio::post(acceptor_.get_executor(), [this] {
      beast::error_code ignored;
      acceptor_.close(ignored);
      pause_.cancel();
    });
    for (const auto& one : state_->connections.all()) one->go_away();
    state_->connections.wait_until_empty(state_->options.stop_timeout);
    // One that was accepted while we looked is closed in the next round.
    for (int round = 0; round < 100; ++round) {
      for (const auto& one : state_->connections.all()) one->close_now();
      if (state_->connections.wait_until_empty(std::chrono::milliseconds(20))) break;
    }
    work_.reset();
    if (!state_->connections.wait_until_empty(std::chrono::milliseconds(0))) io_->stop();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
  }

  std::uint16_t port() const { return port_; }
  const gateway_metrics& metrics() const { return state_->metrics; }

 private:
  void accept() {
    acceptor_.async_accept(asio::make_strand(*io_), [this](beast::error_code code, tcp::socket socket) {
      if (!acceptor_.is_open() || state_->stopping) return;
      if (!code) {
        serve(std::move(socket));
        return accept();
      }
      pause_.expires_after(accept_pause);
      pause_.async_wait([this](beast::error_code) {
        if (acceptor_.is_open()) accept();
      });
    });
  }

  void serve(tcp::socket socket) {
    auto& metrics = state_->metrics;
    const auto most = static_cast<std::int64_t>(state_->options.max_connections);
    const std::int64_t open = ++metrics.connections_open;
    std::shared_ptr<void> slot(nullptr, [state = state_](void*) { --state->metrics.connections_open; });
    ++metrics.connections_total;
    if (open > most) ++metrics.connections_refused;
    if (open > most + max_refusals) return;
    beast::error_code ignored;
    socket.set_option(tcp::no_delay(true), ignored);
    start_http_session(std::move(socket), {state_, io_, std::move(slot)}, open > most);
  }

  std::shared_ptr<asio::io_context> io_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_{io_->get_executor()};
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  std::shared_ptr<server_state> state_;
  std::vector<std::thread> threads_;
  std::uint16_t port_ = 0;
};

result<std::unique_ptr<gateway>> gateway::start(gateway_options options, node_api& node) {
  WEIR_TRY_VOID(check(options));
  auto running = std::make_unique<impl>();
  WEIR_TRY_VOID(running->listen(std::move(options), node));
  running->run();
  return std::unique_ptr<gateway>(new gateway(std::move(running)));
}

gateway::gateway(std::unique_ptr<impl> running) : impl_(std::move(running)) {}
gateway::~gateway() { stop(); }
void gateway::stop() { impl_->stop(); }
std::uint16_t gateway::port() const { return impl_->port(); }
const gateway_metrics& gateway::metrics() const { return impl_->metrics(); }

}  // namespace weir
