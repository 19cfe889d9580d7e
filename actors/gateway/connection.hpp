// What the connections of one server share. Only server.cpp and the *_session.cpp include this: it brings Beast.
//
// Each connection lives on a strand of its own and is held by its pending operations. Callbacks that the node keeps
// (replies, wake-ups) hold the io_context and a weak pointer, never the connection: they may come after its end, on any
// thread and under the node's locks.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>

#include "actors/gateway/request_handler.hpp"

namespace weir {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

class connection {
 public:
  virtual ~connection() = default;
  // Ends soon: after the answer under way, or with a word of farewell. Any thread.
  virtual void go_away() = 0;
  // Ends at once. Any thread.
  virtual void close_now() = 0;
};

// The open connections, for stop().
class connection_registry {
 public:
  void add(connection* what, std::weak_ptr<connection> held);
  void remove(connection* what);
  std::vector<std::shared_ptr<connection>> all();
  bool wait_until_empty(std::chrono::milliseconds limit);

 private:
  std::mutex mutex_;
  std::condition_variable empty_;
  std::map<connection*, std::weak_ptr<connection>> members_;
};

struct server_state {
  server_state(gateway_options given, node_api& node, std::uint16_t port)
      : options(std::move(given)), access(options, port), files(options.ui_dir) {
    context = std::make_unique<gateway_context>(gateway_context{node, options, access, metrics});
    handler = std::make_unique<request_handler>(*context, files);
  }

  const gateway_options options;
  gateway_metrics metrics;
  access_control access;
  const dashboard_files files;
  std::unique_ptr<gateway_context> context;
  std::unique_ptr<request_handler> handler;
  connection_registry connections;
  std::atomic<bool> stopping{false};
};

// What a connection is given at its start; moves on when an HTTP connection becomes a live one.
struct connection_seed {
  std::shared_ptr<server_state> state;
  std::shared_ptr<asio::io_context> io;
  std::shared_ptr<void> slot;  // counts as an open connection while it lives
};

// A function that any thread may call, any number of times, and that runs `Session::method` on its strand while the
// session lives. Calls that come before it ran are one.
template <class Session, class Executor>
std::function<void()> wake_on_strand(std::weak_ptr<Session> session, const std::shared_ptr<asio::io_context>& io,
                                     Executor strand, void (Session::*method)()) {
  auto asked = std::make_shared<std::atomic<bool>>(false);
  return [asked, session, io, strand, method] {
    if (asked->exchange(true)) return;
    asio::post(strand, [asked, session, method] {
      asked->store(false);
      if (auto alive = session.lock()) ((*alive).*method)();
    });
  };
}

void start_http_session(tcp::socket socket, connection_seed seed, bool over_limit);
// Subscribes and answers with an event stream, or with `refuse`'s problem when the subscription fails.
void start_event_session(tcp::socket socket, connection_seed seed, admission admitted, http_request request);
void start_websocket_session(tcp::socket socket, connection_seed seed, http::request<http::string_body> upgrade);

}  // namespace weir
