#include "actors/cluster_member.hpp"

#include <pthread.h>
#include <spdlog/spdlog.h>
#include <time.h>

namespace weir {

std::int64_t boot_clock_ms() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000 + now.tv_nsec / 1'000'000;
}

cluster_member::cluster_member(member_setup setup)
    : setup_(std::move(setup)),
      detector_({setup_.name, setup_.lease_ms, setup_.suspicion_ms}),
      lease_(setup_.lease_ms) {}

result<std::unique_ptr<cluster_member>> cluster_member::open(member_setup setup) {
  std::unique_ptr<cluster_member> made(new cluster_member(std::move(setup)));
  const auto& s = made->setup_;
  WEIR_TRY(listener, link_listener::open(s.network, s.host, s.port));
  made->listener_ = std::move(listener);
  link_watcher::events told;
  told.up = [m = made.get()](const std::string& node, std::uint64_t incarnation) {
    std::lock_guard lock(m->mutex_);
    m->detector_.link_up(node, incarnation);
  };
  told.lost = [m = made.get()](const std::string& node, std::uint64_t incarnation, bool refused) {
    {
      std::lock_guard lock(m->mutex_);
      m->detector_.link_lost(node, incarnation, refused);
    }
    m->tell();
  };
  made->watcher_ = std::make_unique<link_watcher>(s.network, s.app, std::move(told));
  return made;
}

cluster_member::~cluster_member() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (beats_.joinable()) beats_.join();
  watcher_.reset();
}

void cluster_member::joined(std::uint64_t incarnation) {
  incarnation_ = incarnation;
  listener_->say(link_hello(setup_.app, setup_.name, incarnation));
  changed_.notify_all();
  if (!beats_.joinable()) beats_ = std::thread([this] { beat(); });
}

void cluster_member::on_news(std::function<void()> news) {
  std::lock_guard lock(mutex_);
  news_ = std::move(news);
}

void cluster_member::tell() {
  std::function<void()> to;
  {
    std::lock_guard lock(mutex_);
    to = news_;
  }
  if (to) to();
}

void cluster_member::beat() {
  pthread_setname_np(pthread_self(), "weir.heartbeats");
  std::unique_ptr<heartbeat_channel> channel;
  for (std::unique_lock lock(mutex_); !ending_;) {
    lock.unlock();
    if (!channel) {
      auto opened = setup_.open_channel();
      if (opened)
        channel = std::move(*opened);
      else
        spdlog::warn("no heartbeats error=\"{}\"", opened.error().text());
    }
    if (channel) exchange(*channel);
    lock.lock();
    changed_.wait_for(lock, std::chrono::milliseconds(setup_.heartbeat_interval_ms), [&] { return ending_; });
  }
}

void cluster_member::exchange(heartbeat_channel& channel) {
  const auto begun = boot_clock_ms();
  const auto sent = channel.send(setup_.name, incarnation_);
  auto came = channel.take();
  std::lock_guard lock(mutex_);
  if (sent) lease_.acknowledged(begun);
  if (!came) return;
  for (const auto& h : *came) detector_.heard(h.node, h.incarnation, h.appended_ms);
}

void cluster_member::follow(const control_state& state) {
  std::map<std::string, link_target> others;
  for (const auto& [name, m] : state.members)
    if (name != setup_.name && !m.is_gone()) others[name] = {m.join.incarnation, m.join.link};
  watcher_->follow(std::move(others));
}

std::vector<control_record> cluster_member::propose(const control_state& state) {
  std::lock_guard lock(mutex_);
  return detector_.propose(state, incarnation_, boot_clock_ms());
}

std::string cluster_member::why_gone(const control_state& state, std::string_view name) {
  std::lock_guard lock(mutex_);
  return detector_.why_gone(state, name, boot_clock_ms());
}

bool cluster_member::was_heard(std::string_view name, std::uint64_t incarnation) const {
  std::lock_guard lock(mutex_);
  return detector_.was_heard(name, incarnation);
}

bool cluster_member::lease_is_sure() const {
  std::lock_guard lock(mutex_);
  return lease_.is_sure(boot_clock_ms());
}

}  // namespace weir
