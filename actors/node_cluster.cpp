// A node among those that share its deployment: joining, and what follows from the fold of the control log: owning the
// shards, standing by, taking over, letting go (DESIGN §6). All of it runs on the control actor, but for the start.
#include <spdlog/spdlog.h>

#include <future>
#include <set>
#include <thread>

#include "actors/node_inside.hpp"
#include "actors/node_log.hpp"
#include "actors/shard/shard_writer.hpp"

namespace weir {

namespace {

constexpr std::chrono::milliseconds follow_others{50}, follow_nobody{500}, settle_pause{20};
constexpr int append_tries = 10;

std::int64_t in_ms(std::int64_t us) { return us / 1'000; }

member_setup setup_of(const config& c, std::shared_ptr<io_thread> network, event_log& log) {
  member_setup s;
  s.app = c.node.app;
  s.name = c.node.name;
  s.host = c.cluster.host;
  s.port = static_cast<std::uint16_t>(c.cluster.port);
  s.heartbeat_interval_ms = in_ms(c.cluster.heartbeat_interval_us);
  s.lease_ms = in_ms(c.cluster.lease_us);
  s.suspicion_ms = in_ms(c.cluster.suspicion_us);
  s.open_channel = [&c, &log] { return open_configured_heartbeats(c, log); };
  s.network = std::move(network);
  return s;
}

const member* find(const control_state& state, std::string_view name) {
  const auto it = state.members.find(name);
  return it == state.members.end() ? nullptr : &it->second;
}

// Appends what `records` makes of the state, again when others were faster. No records: nothing to do.
template <class Records>
status append_to(control_log& log, Records records) {
  for (int i = 1;; ++i) {
    WEIR_TRY(changed, log.poll());
    static_cast<void>(changed);
    const std::vector<control_record> wanted = records(*log.state());
    if (wanted.empty()) return {};
    const auto at = log.append(wanted);
    if (at) return {};
    if (at.error().code != errc::unavailable || i == append_tries) return fail(at.error());
  }
}

}  // namespace

status node::join() {
  if (!is_shared_log(config_)) return {};
  WEIR_TRY(member, cluster_member::open(setup_of(config_, network_, *log_)));
  member_ = std::move(member);
  WEIR_TRY_VOID(append_join());
  return settle();
}

status node::append_join() {
  node_join join{0, url_, member_->link_address()};
  WEIR_TRY_VOID(
      append_to(*control_, [&](const control_state& state) { return join_records(state, member_->name(), join); }));
  member_->joined(join.incarnation);
  spdlog::info("joined app={} node={} incarnation={}", config_.node.app, member_->name(), join.incarnation);
  return {};
}

// Until it is certain who owns the shards. Another node that stands first in the control log may have died with nobody
// there to say so: then nothing is heard of it for a lease, and this node says so.
status node::settle() {
  const auto patience = std::chrono::microseconds(config_.cluster.lease_us + 2 * config_.kafka.timeout_us);
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    const auto placed = place(*control_->state());
    owner_ = placed.owner == member_->name();
    if (owner_ || member_->was_heard(placed.owner, placed.incarnation)) return {};
    if (std::chrono::steady_clock::now() > until)
      return with_hint(
          fail(errc::unavailable, "node {} owns the shards of app {}, and no heartbeat tells whether it lives",
               placed.owner, config_.node.app),
          "check that the brokers take and show messages of the app's heartbeats topic");
    std::this_thread::sleep_for(settle_pause);
    member_->follow(*control_->state());
    WEIR_TRY_VOID(append_to(*control_, [&](const control_state& state) { return member_->propose(state); }));
  }
}

// A node that starts as a standby changes nothing: what its file lists was applied by the owner, or is not wanted.
status node::check_deployment() const {
  const auto records = set_deployment(*control_->state(), deployment_of(config_));
  return records ? status{} : fail(records.error());
}

std::chrono::milliseconds node::follow_cluster() {
  if (stopped_) return follow_nobody;
  const auto told = [](const status& s) {
    if (!s) spdlog::warn("the other nodes cannot be followed error=\"{}\"", s.error().text());
    return static_cast<bool>(s);
  };
  const auto followed = [&]() -> status {
    WEIR_TRY(changed, control_->poll());
    if (changed) WEIR_TRY_VOID(publish(control_->plan()));
    const auto state = control_->state();
    const auto records = member_->propose(*state);
    if (records.empty()) return {};
    for (const auto& [name, m] : state->members)
      if (const auto why = name == member_->name() || m.is_gone() ? "" : member_->why_gone(*state, name); !why.empty())
        spdlog::warn("node counts as gone node={} incarnation={} reason=\"{}\"", name, m.join.incarnation, why);
    const auto at = control_->append(records);
    if (!at && at.error().code != errc::unavailable) return fail(at.error());
    return at ? publish(control_->plan()) : status{};
  };
  if (told(followed())) follow_role();
  return control_->state()->members.size() > 1 ? follow_others : follow_nobody;
}

void node::follow_role() {
  const auto state = control_->state();
  const auto* mine = find(*state, member_->name());
  if (mine == nullptr || mine->join.incarnation != member_->incarnation()) {
    spdlog::error("another process has joined app {} as node {}: this one ends; each needs a node.name of its own",
                  config_.node.app, member_->name());
    *actors_->alive = false;
    return;
  }
  if (mine->is_gone()) {
    spdlog::warn("this node was counted as gone; it lets go of its shards and joins anew node={} incarnation={}",
                 member_->name(), member_->incarnation());
    let_go();
    if (auto joined = append_join(); !joined) {
      spdlog::warn("cannot join error=\"{}\"", joined.error().text());
      return;
    }
    if (auto told = publish(control_->plan()); !told) spdlog::warn("cannot follow error=\"{}\"", told.error().text());
  }
  const auto placed = place(*control_->state());
  const bool owns = placed.owner == member_->name() && placed.incarnation == member_->incarnation();
  if (owns && !owner_) take_over();
  if (!owns && owner_) let_go();
  member_->follow(*control_->state());
}

// Who owned the shards may have died between a command and its topics. One question for all: their settings were
// checked when they were made.
status node::make_missing_topics(const control_plan& plan) {
  WEIR_TRY(there, log_->topics());
  std::set<std::string> names;
  for (auto& t : there) names.insert(std::move(t.name));
  for (const auto& wanted : topics_of(config_.node.app, static_cast<int>(config_.node.shards), plan,
                                      config_.log.retention_us / 1'000, config_.log.retention_bytes))
    if (!names.contains(wanted.name)) WEIR_TRY_VOID(log_->create_topic(wanted));
  return {};
}

// The tails end, then the shards open as they do at a start: fence, read what is left, run. What the tails hold in
// memory goes on with them.
void node::take_over() {
  auto& a = *actors_;
  const auto root = a.supervisors().first;
  if (!root) return;
  const auto plan = control_->plan();
  const bool clean = predecessor_left_cleanly(plan->state);
  spdlog::info("takes over the shards app={} node={} after_clean_end={}", config_.node.app, member_->name(), clean);
  std::unique_ptr<standby> tails;
  {
    std::lock_guard lock(a.mutex);
    std::swap(tails, a.tails);
  }
  if (tails) tails->hand_over();
  tails.reset();
  if (auto made = make_missing_topics(*plan); !made)
    spdlog::warn("topics are not all there yet error=\"{}\"", made.error().text());
  owner_ = true;
  for (std::size_t i = 0; i < a.cells.size(); ++i) {
    if (!clean) a.cells[i]->core->suspect_predecessor();
    a.cells[i]->asks_first = false;
    a.cells[i]->retire(false);
    caf::anon_send(root, add_atom::value, std::make_shared<const child_spec>(shard_child(static_cast<int>(i))));
  }
  follow_sources(*plan);
}

void node::let_go() {
  if (!owner_.exchange(false)) return;
  auto& a = *actors_;
  const auto [root, sources] = a.supervisors();
  if (!root) return;
  spdlog::warn("lets go of the shards app={} node={}", config_.node.app, member_->name());
  for (const auto& cell : a.cells) cell->retire(true);
  for (std::size_t i = 0; i < a.cells.size(); ++i) caf::anon_send(root, remove_atom::value, fmt::format("shard {}", i));
  {
    std::lock_guard lock(a.sources_mutex);
    for (const auto& [name, incarnation] : a.running_sources) {
      caf::anon_send(sources, remove_atom::value, name);
      board_.remove(name);
    }
    a.running_sources.clear();
  }
  {
    std::lock_guard lock(a.mutex);
    a.shards.assign(a.shards.size(), shard_actor{});
    a.snapshots.assign(a.snapshots.size(), shard_snapshot{});
  }
  events_->forget_clocks();
  start_standby();
  hub_.wake_all();  // live readers learn that they must go elsewhere
}

void node::start_standby() {
  auto& a = *actors_;
  auto tails = std::make_unique<standby>(a.cells, [this] { return plan_.load(); });
  std::lock_guard lock(a.mutex);
  a.tails = std::move(tails);
}

// Until stop(), which takes it back.
void node::hear_members() {
  member_->on_news([this] {
    std::lock_guard lock(actors_->mutex);
    if (actors_->control) caf::anon_send(actors_->control, wake_atom::value);
  });
}

// A writer that was fenced looks the same whether brokers timed it out or a successor opened it: the control log tells
// (PROTOCOL 22). The first opening of an owner needs no question: it was just told.
status node::confirm_shard(int shard) {
  if (!actors_->cells[static_cast<std::size_t>(shard)]->asks_first.exchange(true)) return {};
  const auto answer = std::make_shared<std::promise<status>>();
  command(
      [this, answer](const control_plan& plan) -> result<std::vector<control_record>> {
        const auto placed = place(plan.state);
        const bool mine = placed.owner == member_->name() && placed.incarnation == member_->incarnation();
        answer->set_value(mine ? status{} : fail(errc::unavailable, "node {} owns the shards now", placed.owner));
        return std::vector<control_record>{};
      },
      [answer](const status& done) {
        // Asked again whatever it was: nobody knows whose the shard is.
        if (!done) answer->set_value(fail(errc::unavailable, "{}", done.error().text()));
      });
  auto told = answer->get_future();
  if (told.wait_for(std::chrono::microseconds(config_.kafka.timeout_us)) != std::future_status::ready)
    return fail(errc::unavailable, "Kafka at {}: the control log, which tells whose the shard is, does not answer",
                config_.kafka.brokers);
  return told.get();
}

// So that a standby takes over at once and has nothing to suspect.
void node::leave(bool clean) {
  if (!member_) return;
  const auto left = append_to(*control_, [&](const control_state& state) -> std::vector<control_record> {
    const auto* mine = find(state, member_->name());
    if (mine == nullptr || mine->join.incarnation != member_->incarnation() || mine->is_gone()) return {};
    return {to_record(member_->name(), node_end{member_->incarnation(), state.offset, clean, owner_})};
  });
  if (!left) spdlog::warn("could not tell the other nodes that this one ends error=\"{}\"", left.error().text());
}

void node::announce(const std::string& url) {
  if (!member_) return;
  command(
      [this, url](const control_plan&) -> result<std::vector<control_record>> {
        url_ = url;
        return std::vector{to_record(member_->name(), node_join{member_->incarnation(), url, member_->link_address()})};
      },
      [](const status& told) {
        if (!told) spdlog::warn("the other nodes do not know this one's address error=\"{}\"", told.error().text());
      });
}

node::cluster_view node::cluster() const {
  cluster_view out;
  out.name = config_.node.name;
  if (!member_) return out;
  out.shared = true;
  out.owner = owner_;
  out.incarnation = member_->incarnation();
  out.lease_is_sure = member_->lease_is_sure();
  const auto plan = plan_.load();
  out.owner_name = place(plan->state).owner;
  if (const auto* who = find(plan->state, out.owner_name)) out.owner_url = who->join.url;
  std::lock_guard lock(actors_->mutex);
  if (actors_->tails) out.standby = actors_->tails->shards();
  return out;
}

status node::may_serve() const {
  if (!member_) return {};
  if (owner_ && member_->lease_is_sure()) return {};
  if (owner_)
    return with_hint(fail(errc::unavailable,
                          "node {} cannot be sure that it still owns the shards: its heartbeats are "
                          "not acknowledged",
                          config_.node.name),
                     "try again in a moment");
  const auto seen = cluster();
  if (seen.owner_name.empty() || seen.owner_name == seen.name)
    return with_hint(fail(errc::unavailable, "no node owns the shards just now"), "try again in a moment");
  return with_hint(fail(errc::unavailable, "node {} stands by: node {} owns the shards", seen.name, seen.owner_name),
                   seen.owner_url.empty() ? "ask there" : fmt::format("ask {}", seen.owner_url));
}

}  // namespace weir
