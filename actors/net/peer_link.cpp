#include "actors/net/peer_link.hpp"

#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <istream>
#include <set>

namespace weir {

namespace {

namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t longest_hello = 512;
constexpr std::chrono::milliseconds connect_within{1'000}, connect_again{200}, connect_soon{10};
constexpr int most_cut_off = 10;

}  // namespace

std::string link_hello(std::string_view app, std::string_view node, std::uint64_t incarnation) {
  return fmt::format("weir-link {} {} {}", app, node, incarnation);
}

// --- the side that is watched ---

struct link_listener::impl : std::enable_shared_from_this<impl> {
  explicit impl(std::shared_ptr<io_thread> on) : thread(std::move(on)), acceptor(thread->context()) {}

  std::shared_ptr<io_thread> thread;
  tcp::acceptor acceptor;
  std::string address, hello;
  std::set<std::shared_ptr<tcp::socket>> held;

  void accept() {
    auto self = shared_from_this();
    acceptor.async_accept([self](error_code problem, tcp::socket socket) {
      if (!self->acceptor.is_open()) return;
      if (!problem && self->held.size() < most_links && !self->hello.empty())
        self->hold(std::make_shared<tcp::socket>(std::move(socket)));
      self->accept();
    });
  }

  // Until the other side ends it.
  void hold(const std::shared_ptr<tcp::socket>& socket) {
    held.insert(socket);
    auto line = std::make_shared<std::string>(hello + "\n");
    asio::async_write(*socket, asio::buffer(*line),
                      [self = shared_from_this(), socket, line](error_code problem, auto) {
                        if (problem) {
                          self->held.erase(socket);
                          return;
                        }
                        auto byte = std::make_shared<char>();
                        asio::async_read(*socket, asio::buffer(byte.get(), 1),
                                         [self, socket, byte](error_code, auto) { self->held.erase(socket); });
                      });
  }
};

result<std::unique_ptr<link_listener>> link_listener::open(std::shared_ptr<io_thread> on, const std::string& host,
                                                           std::uint16_t port) {
  auto made = std::make_shared<impl>(std::move(on));
  error_code problem;
  tcp::resolver names(made->thread->context());
  const auto found = names.resolve(host, std::to_string(port), tcp::resolver::passive, problem);
  if (!problem) {
    const tcp::endpoint at = found.begin()->endpoint();
    made->acceptor.open(at.protocol(), problem);
    if (!problem) made->acceptor.set_option(tcp::acceptor::reuse_address(true), problem);
    if (!problem) made->acceptor.bind(at, problem);
    if (!problem) made->acceptor.listen(asio::socket_base::max_listen_connections, problem);
  }
  if (problem)
    return with_hint(fail(errc::io_error, "cannot listen for other nodes on {}:{}: {}", host, port, problem.message()),
                     "choose another cluster.host or cluster.port");
  made->address = fmt::format("{}:{}", host, made->acceptor.local_endpoint().port());
  asio::post(made->thread->context(), [made] { made->accept(); });
  return std::unique_ptr<link_listener>(new link_listener(made));
}

link_listener::~link_listener() {
  asio::post(impl_->thread->context(), [i = impl_] {
    error_code ignored;
    i->acceptor.close(ignored);
    for (const auto& socket : i->held) socket->close(ignored);
  });
}

const std::string& link_listener::address() const { return impl_->address; }

void link_listener::say(std::string hello) {
  asio::post(impl_->thread->context(),
             [i = impl_, hello = std::move(hello)]() mutable { i->hello = std::move(hello); });
}

// --- the side that watches ---

namespace {

struct link : std::enable_shared_from_this<link> {
  link(asio::io_context& on, std::string n, link_target t, std::string said, link_watcher::events& e)
      : name(std::move(n)), to(std::move(t)), expected(std::move(said)), tell(e), names(on), socket(on), timer(on) {}

  std::string name;
  link_target to;
  std::string expected;
  link_watcher::events& tell;  // outlives every link that is not ended
  tcp::resolver names;
  tcp::socket socket;
  asio::steady_timer timer;
  asio::streambuf in{longest_hello};
  bool was_up = false, ended = false;
  int cut_off = 0;  // since it was up

  void end() {
    ended = true;
    error_code ignored;
    names.cancel();
    socket.close(ignored);
    timer.cancel();
  }

  void connect() {
    const auto colon = to.address.rfind(':');
    if (colon == std::string::npos) return;
    timer.expires_after(connect_within);
    timer.async_wait([self = shared_from_this()](error_code problem) {
      if (problem || self->ended) return;
      error_code ignored;
      self->names.cancel();
      self->socket.close(ignored);
    });
    names.async_resolve(to.address.substr(0, colon), to.address.substr(colon + 1),
                        [self = shared_from_this()](error_code problem, const tcp::resolver::results_type& found) {
                          if (problem) return self->failed(false);
                          self->connect_to(found);
                        });
  }

  void connect_to(const tcp::resolver::results_type& found) {
    asio::async_connect(socket, found, [self = shared_from_this()](error_code problem, const tcp::endpoint&) {
      if (problem == asio::error::connection_reset) return self->closed_unheard();
      if (problem) return self->failed(problem == asio::error::connection_refused);
      self->in.consume(self->in.size());
      asio::async_read_until(self->socket, self->in, '\n', [self](error_code unread, std::size_t) {
        std::string line;
        if (!unread) {
          std::istream text(&self->in);
          std::getline(text, line);
        }
        if (unread) return self->closed_unheard();
        if (line != self->expected) return self->failed(true);
        self->hold();
      });
    });
  }

  void hold() {
    timer.cancel();
    if (ended) return;
    was_up = true;
    cut_off = 0;
    tell.up(name, to.incarnation);
    asio::async_read_until(socket, in, '\n', [self = shared_from_this()](error_code, std::size_t) {
      error_code ignored;
      self->socket.close(ignored);
      if (!self->ended) self->connect();
    });
  }

  // It took the connection and ended it without a word. A process that ends closes its sockets one after the other: the
  // one that listens may be the last, so it is asked once more before anything is said.
  void closed_unheard() {
    if (ended || !was_up || ++cut_off > most_cut_off) return failed(false);
    error_code ignored;
    socket.close(ignored);
    connect_after(connect_soon);
  }

  void failed(bool refused) {
    if (ended) return;
    error_code ignored;
    socket.close(ignored);
    if (was_up) tell.lost(name, to.incarnation, refused);
    connect_after(connect_again);
  }

  void connect_after(std::chrono::milliseconds pause) {
    timer.expires_after(pause);
    timer.async_wait([self = shared_from_this()](error_code problem) {
      if (!problem && !self->ended) self->connect();
    });
  }
};

}  // namespace

struct link_watcher::impl {
  impl(std::shared_ptr<io_thread> on, std::string a, events e)
      : thread(std::move(on)), app(std::move(a)), tell(std::move(e)) {}

  std::shared_ptr<io_thread> thread;
  std::string app;
  events tell;
  std::map<std::string, std::shared_ptr<link>> links;

  void follow(std::map<std::string, link_target> nodes) {
    std::erase_if(links, [&](auto& one) {
      const auto it = nodes.find(one.first);
      if (it != nodes.end() && it->second == one.second->to) return false;
      one.second->end();
      return true;
    });
    for (auto& [name, target] : nodes) {
      if (links.contains(name) || target.address.empty()) continue;
      auto said = link_hello(app, name, target.incarnation);
      auto made = std::make_shared<link>(thread->context(), name, target, std::move(said), tell);
      links.emplace(name, made);
      made->connect();
    }
  }
};

link_watcher::link_watcher(std::shared_ptr<io_thread> on, std::string app, events e)
    : impl_(std::make_shared<impl>(std::move(on), std::move(app), std::move(e))) {}

link_watcher::~link_watcher() {
  std::promise<void> ended;
  asio::post(impl_->thread->context(), [&] {
    impl_->follow({});
    ended.set_value();
  });
  ended.get_future().wait();
}

void link_watcher::follow(std::map<std::string, link_target> nodes) {
  asio::post(impl_->thread->context(),
             [i = impl_, nodes = std::move(nodes)]() mutable { i->follow(std::move(nodes)); });
}

}  // namespace weir
