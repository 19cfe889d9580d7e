#include "actors/node.hpp"

#include <spdlog/spdlog.h>

#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "actors/cluster_member.hpp"
#include "actors/control_actor.hpp"
#include "actors/kafka_clients.hpp"
#include "actors/net/io_thread.hpp"
#include "actors/node_inside.hpp"
#include "actors/node_log.hpp"
#include "actors/schema_registry.hpp"
#include "actors/settlement.hpp"
#include "actors/shard/shard_writer.hpp"
#include "actors/shard/suspect_turn.hpp"
#include "actors/source_actor.hpp"
#include "actors/supervisor.hpp"
#include "actors/topic_actor.hpp"
#include "actors/view_topics.hpp"
#include "cluster/topic_names.hpp"
#include "cluster/topic_sources.hpp"

namespace weir {

namespace {

std::chrono::milliseconds ms(std::int64_t us) { return std::chrono::milliseconds(us / 1'000); }

result<std::string> read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return fail(errc::not_found, "the SQL file {} cannot be read", path);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

constexpr std::int64_t commit_company_us = 5'000;  // a transaction takes about that long

shard_options options_of(const config& c, int shard) {
  shard_options o;
  o.app = c.node.app;
  o.shard = shard;
  o.shards = static_cast<int>(c.node.shards);
  o.commit_interval_min_us = least_commit_interval_us(c);
  o.commit_interval_max_us = c.commit.interval_max_us;
  if (is_shared_log(c)) o.commit_company_us = commit_company_us;
  o.epoch_max_bytes = static_cast<std::size_t>(c.commit.max_bytes);
  o.ingest_queue_bytes = static_cast<std::size_t>(c.limits.ingest_queue_bytes);
  o.task_queue_bytes = static_cast<std::size_t>(c.limits.task_queue_bytes);
  o.view_rows = static_cast<std::size_t>(c.limits.view_rows);
  o.attempts = static_cast<int>(c.limits.attempts);
  o.ingest.quiet_after_us = c.http.quiet_after_us;
  o.ingest.request_window_us = c.http.idempotency_window_us;
  o.ingest.request_keys = static_cast<std::size_t>(c.http.idempotency_keys);
  o.operators.state_bytes = static_cast<std::size_t>(c.limits.view_state_bytes);
  o.operators.groups = static_cast<std::size_t>(c.limits.view_groups);
  o.operators.distinct_values = static_cast<std::size_t>(c.limits.distinct_values);
  return o;
}

live_pace pace_of(const config& c, const worker_pool& pool) {
  const auto cores =
      std::min(pool.status().threads, static_cast<int>(std::max(1U, std::thread::hardware_concurrency())));
  return live_pace({static_cast<double>(c.gateway.busy_messages * cores), cores, pool.cpu_meter()});
}

constexpr std::int64_t most_log_threads = 64;
constexpr int mirror_failures_told = 3;  // in a row

// Connectors compare resolved paths.
std::vector<std::string> resolved_folders(const std::vector<std::string>& folders) {
  std::vector<std::string> out;
  for (const auto& folder : folders) {
    std::error_code absent;
    const auto resolved = std::filesystem::canonical(folder, absent);
    out.push_back(absent ? folder : resolved.string());
  }
  return out;
}

}  // namespace

control_limits control_limits_of(const config& c) {
  control_limits out;
  out.streams = static_cast<std::size_t>(c.limits.streams);
  out.views = static_cast<std::size_t>(c.limits.views);
  out.sources = static_cast<std::size_t>(c.limits.sources);
  out.view_topics = c.log.kind == "kafka";
  out.sql.statement_bytes = static_cast<std::size_t>(c.limits.statement_bytes);
  return out;
}

std::int64_t wall_clock_us() {
  using namespace std::chrono;
  return duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
}

node::node(config c)
    : config_(std::move(c)),
      started_us_(wall_clock_us()),
      network_(std::make_shared<io_thread>()),
      kafka_(std::make_shared<kafka_clients>(config_)),
      registry_(std::make_shared<schema_registry>(registry_options{
          config_.sources.kafka_registry, ms(config_.sources.kafka_timeout_us), config_.sources.registry_user,
          config_.sources.registry_password_file, config_.sources.registry_ca})) {}

node::~node() { stop(); }

result<std::unique_ptr<node>> node::start(config c) {
  std::unique_ptr<node> n(new node(std::move(c)));
  WEIR_TRY_VOID(n->open());
  WEIR_TRY_VOID(n->join());
  WEIR_TRY_VOID(n->owner_ ? n->apply_configured() : n->check_deployment());
  n->plan_ = n->control_->plan();
  n->spawn_actors();
  return n;
}

status node::open() {
  std::error_code problem;
  std::filesystem::create_directories(config_.node.data_dir, problem);
  if (problem) return fail(errc::io_error, "cannot make data_dir {}: {}", config_.node.data_dir, problem.message());
  WEIR_TRY(log, open_configured_log(config_));
  log_ = std::move(log);
  WEIR_TRY(groups, open_configured_groups(config_));
  WEIR_TRY(store, state_store::open(state_folder(config_), static_cast<std::size_t>(config_.limits.view_rows)));
  store_ = std::move(store);
  if (groups)
    mirror_ = std::make_unique<position_mirror>(config_.node.app, *log_, *store_, std::move(groups),
                                                ms(config_.kafka.timeout_us / 8));
  WEIR_TRY(control, control_log::open(*log_, config_.node.app));
  control_ = std::move(control);
  return {};
}

// What config.toml lists: the deployment, then pipelines, then all sources at one cut (PROTOCOL 1, 12).
status node::apply_configured() {
  const auto append = [&](result<std::vector<control_record>> records) -> status {
    if (!records) return fail(std::move(records).error());
    if (records->empty()) return {};
    WEIR_TRY(offset, control_->append(*records));
    static_cast<void>(offset);
    return {};
  };
  const auto shards = static_cast<int>(config_.node.shards);
  const auto limits = control_limits_of(config_);
  const auto records_of = [&](const pipeline_config& p, std::string_view sql) -> result<std::vector<control_record>> {
    const auto plan = control_->plan();
    WEIR_TRY(known, apply_pipeline(*plan, p.name, sql, false, p.from_beginning(), limits));
    if (known.empty()) return known;
    WEIR_TRY_VOID(make_view_topics(*log_, config_, *plan, p.name, sql));
    WEIR_TRY(wanted, wanted_by(config_, *plan, p.name, sql));
    WEIR_TRY(settled, settle_all(config_, *registry_, wanted));
    return apply_pipeline(*plan, p.name, sql, false, p.from_beginning(), limits, settled);
  };
  WEIR_TRY_VOID(append(set_deployment(*control_->state(), deployment_of(config_))));
  // Before a pipeline of the same name is applied anew: its views begin empty.
  WEIR_TRY_VOID(drop_orphaned_topics(*log_, hub_, config_.node.app, *control_->plan()));
  for (const auto& p : config_.pipelines) {
    WEIR_TRY(sql, read_file(p.file));
    auto applied = append(records_of(p, sql));
    if (applied) continue;
    applied.error().message = fmt::format("pipeline {} ({}): {}", p.name, p.file, applied.error().message);
    if (applied.error().code == errc::conflict && control_->state()->pipelines.contains(p.name))
      applied.error().hint =
          fmt::format("start with the file as it was, then: weir apply {} --name {} --replace", p.file, p.name);
    return applied;
  }
  std::vector<source_record> sources;
  for (const auto& s : config_.listed_sources) {
    source_record r;
    r.name = s.name;
    r.stream = s.stream;
    r.connector = s.connector;
    r.options = s.options;
    WEIR_TRY_VOID(check_source({s.name, s.stream, s.connector, s.options}, context_of(s.stream)));
    sources.push_back(std::move(r));
  }
  WEIR_TRY_VOID(append(add_sources(*control_->plan(), sources, limits)));
  return create_topics(*log_, config_.node.app, shards, *control_->plan(), config_.log.retention_us / 1'000,
                       config_.log.retention_bytes);
}

connector_context node::context_of(std::string_view stream) const {
  connector_context context;
  context.allowed_folders = resolved_folders(config_.sources.file_allow);
  context.app = config_.node.app;
  context.mqtt.brokers = config_.sources.mqtt_allow;
  context.mqtt.folders = resolved_folders(config_.sources.mqtt_folders);
  context.mqtt.connect_timeout_us = config_.sources.mqtt_connect_timeout_us;
  context.mqtt.buffer_bytes = static_cast<std::size_t>(config_.sources.mqtt_buffer_bytes);
  context.mqtt.network = network_;
  context.kafka.brokers = kafka_->allowed();
  context.kafka.open = [kafka = kafka_](const std::string& brokers) { return kafka->open(brokers); };
  context.kafka.has_schemas = !config_.sources.kafka_registry.empty();
  context.kafka.schema_of = [registry = registry_](std::uint32_t id) { return registry->schema(id); };
  context.max_record_bytes = static_cast<std::size_t>(config_.log.max_record_bytes);
  context.file_poll_interval_us = config_.sources.file_poll_interval_us;
  context.now_us = wall_clock_us;
  const auto plan = control_ ? control_->plan() : nullptr;
  const auto known = plan_.load();
  const auto& from = known ? known : plan;
  if (const auto it = from->names.streams.find(stream); it != from->names.streams.end())
    context.stream_format = it->second.format;
  return context;
}

void node::spawn_actors() {
  auto threads = static_cast<int>(config_.node.worker_threads);
  if (threads == 0) threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  pool_ = std::make_unique<worker_pool>(pool_options{threads, ms(config_.node.stall_timeout_us), 16});
  if (is_shared_log(config_)) {
    const auto waiting = static_cast<int>(std::min(config_.node.shards + 1, most_log_threads));
    log_pool_ = std::make_unique<worker_pool>(pool_options{waiting, ms(config_.node.stall_timeout_us), 16});
  }
  hub_.set_pace(pace_of(config_, *pool_));
  actors_ = std::make_unique<actors>();
  events_ = std::make_unique<events>(*this);
  auto& a = *actors_;
  make_cells();
  a.shards.resize(a.cells.size());
  a.snapshots.resize(a.cells.size());
  const auto& s = config_.sources;
  supervisor_options sources{
      "sources",
      restart_strategy::one_for_one,
      {static_cast<int>(s.restart_budget), ms(s.restart_window_us), ms(s.restart_min_us), ms(s.restart_max_us)},
      false,
      static_cast<std::uint64_t>(started_us_),
      {},
      {}};
  sources.on_failure = [this](const std::string& name, const std::string&,
                              std::optional<std::chrono::milliseconds> delay) {
    board_.update(name, [&](source_view& v) {
      v.state = "failed";
      ++v.restarts;
      v.next_try_us = delay ? wall_clock_us() + delay->count() * 1'000 : 0;
    });
  };
  a.sources = a.system.spawn(supervisor, std::move(sources));
  const auto& r = config_.supervision;
  supervisor_options root{
      "node",
      restart_strategy::one_for_one,
      {static_cast<int>(r.restart_budget), ms(r.restart_window_us), ms(r.restart_min_us), ms(r.restart_max_us)},
      true,
      static_cast<std::uint64_t>(started_us_) + 1,
      {},
      {}};
  root.on_failure = [](const std::string& name, const std::string& why,
                       std::optional<std::chrono::milliseconds> delay) {
    if (delay)
      spdlog::warn("restarting child={} in_ms={} reason=\"{}\"", name, delay->count(), why);
    else
      spdlog::error("giving up child={} reason=\"{}\"", name, why);
  };
  root.children.push_back({"control", [this](caf::actor_system& system) {
                             auto handle = system.spawn<caf::detached>(
                                 control_behavior,
                                 control_setup{control_.get(), [this](plan_ptr p) { return publish(p); },
                                               member_ ? [this] { return follow_cluster(); }
                                                       : std::function<std::chrono::milliseconds()>()});
                             std::lock_guard lock(actors_->mutex);
                             actors_->control = handle;
                             return caf::actor_cast<caf::actor>(handle);
                           }});
  for (int i = 0; owner_ && i < static_cast<int>(config_.node.shards); ++i) root.children.push_back(shard_child(i));
  a.root = a.system.spawn(supervisor, std::move(root));
  a.root->attach_functor([alive = a.alive](const caf::error&) { *alive = false; });
  if (owner_)
    follow_sources(*plan_.load());
  else
    start_standby();
  if (member_) hear_members();
  a.watcher = std::thread([this] { watch(); });
}

void node::make_cells() {
  const bool suspect = member_ && !predecessor_left_cleanly(plan_.load()->state);
  const auto turn = std::make_shared<suspect_turn>();
  const auto writers = make_writer_groups(config_, *log_);
  for (int i = 0; i < static_cast<int>(config_.node.shards); ++i) {
    auto cell = std::make_shared<shard_cell>();
    auto options = options_of(config_, i);
    options.turn = turn;
    options.writers = writers[static_cast<std::size_t>(i)];
    if (member_) options.may_open = [this, i] { return confirm_shard(i); };
    cell->core = std::make_unique<shard>(std::move(options), *log_, *store_, *events_);
    cell->retire(!owner_);
    if (suspect) cell->core->suspect_predecessor();
    actors_->cells.push_back(std::move(cell));
  }
}

child_spec node::shard_child(int shard) {
  return {fmt::format("shard {}", shard), [this, shard](caf::actor_system& system) {
            const auto i = static_cast<std::size_t>(shard);
            // One that a node lets go of meanwhile: nobody to start, and no failure.
            if (!actors_->cells[i]->claim()) return caf::actor_cast<caf::actor>(system.spawn([] {}));
            auto handle = system.spawn(shard_behavior, actors_->cells[i], shard_pools{pool_.get(), &log_pool()},
                                       plan_.load(), &wall_clock_us);
            std::lock_guard lock(actors_->mutex);
            actors_->shards[i] = handle;
            return caf::actor_cast<caf::actor>(handle);
          }};
}

child_spec node::source_child(const source_record& record) {
  source_setup setup;
  setup.commit_interval_us = least_commit_interval_us(config_);
  setup.spec = {record.name, record.stream, record.connector, record.options};
  setup.context = context_of(record.stream);
  setup.limits.max_records = static_cast<std::size_t>(config_.limits.chunk_records);
  setup.limits.max_bytes = static_cast<std::size_t>(config_.limits.chunk_bytes);
  setup.pool = pool_.get();
  setup.board = &board_;
  setup.patience = ms(config_.node.shutdown_timeout_us);
  const auto shard = static_cast<std::size_t>(shard_of_source(record.name, static_cast<int>(config_.node.shards)));
  setup.shard = [this, shard] {
    std::lock_guard lock(actors_->mutex);
    return actors_->shards[shard];
  };
  return {record.name, [this, setup](caf::actor_system& system) {
            auto handle = caf::actor_cast<caf::actor>(system.spawn(source_behavior, setup));
            std::lock_guard lock(actors_->mutex);
            actors_->source_actors[setup.spec.name] = handle.address();
            return handle;
          }};
}

child_spec node::topic_child(const source_record& record) {
  topic_setup setup;
  setup.topic = record;
  setup.context = context_of(record.stream);
  setup.interval = ms(config_.sources.kafka_look_us);
  setup.limits = control_limits_of(config_);
  setup.pool = pool_.get();
  setup.board = &board_;
  setup.plan = [this] { return plan(); };
  setup.command = [this](auto check, auto done) { command(std::move(check), std::move(done)); };
  return {record.name, [setup](caf::actor_system& system) {
            return caf::actor_cast<caf::actor>(system.spawn(topic_behavior, setup));
          }};
}

// Topics first: nobody may be told of a stream or view whose topics are not there.
status node::publish(const plan_ptr& plan) {
  {
    // Else the topics of this plan could be dropped as orphans of the one before.
    std::lock_guard lock(actors_->topics_mutex);
    const auto before = plan_.load();
    const bool same = before->state.streams == plan->state.streams && before->state.pipelines == plan->state.pipelines;
    if (!same && owner_)  // a standby's plan may be older than what the owner has dropped since
      WEIR_TRY_VOID(create_topics(*log_, config_.node.app, static_cast<int>(config_.node.shards), *plan,
                                  config_.log.retention_us / 1'000, config_.log.retention_bytes));
    plan_ = plan;
    actors_->last_plan_us = wall_clock_us();
  }
  {
    std::lock_guard lock(actors_->mutex);
    for (auto& s : actors_->shards)
      if (s) caf::anon_send(s, plan_atom::value, plan);
  }
  if (owner_) follow_sources(*plan);
  return {};
}

void node::follow_sources(const control_plan& plan) {
  std::lock_guard lock(actors_->sources_mutex);
  auto& running = actors_->running_sources;
  for (const auto& [name, record] : plan.state.sources) {
    const auto it = running.find(name);
    if (record.state != run_state::running) {
      if (it != running.end()) {
        caf::anon_send(actors_->sources, remove_atom::value, name);
        running.erase(it);
      }
      board_.update(name, [](source_view& v) { v.state = "paused"; });
      continue;
    }
    if (it != running.end() && it->second == record.incarnation) continue;
    running[name] = record.incarnation;
    const bool pushed = is_pushed(record.connector);  // nobody reads it: it runs as long as it is there
    board_.update(name, [pushed](source_view& v) {
      v = {};
      if (pushed) v.state = "running";
    });
    if (pushed) continue;
    caf::anon_send(
        actors_->sources, add_atom::value,
        std::make_shared<const child_spec>(is_topic_source(record) ? topic_child(record) : source_child(record)));
  }
  for (auto it = running.begin(); it != running.end();) {
    if (plan.state.sources.contains(it->first)) {
      ++it;
      continue;
    }
    caf::anon_send(actors_->sources, remove_atom::value, it->first);
    board_.remove(it->first);
    it = running.erase(it);
  }
}

void node::command(std::function<result<std::vector<control_record>>(const control_plan&)> check,
                   std::function<void(status)> done) {
  control_actor to;
  {
    std::lock_guard lock(actors_->mutex);
    to = actors_->control;
  }
  if (!to) return done(fail(errc::unavailable, "the node is not running"));
  caf::anon_send(to, command_atom::value,
                 std::make_shared<control_command>(control_command{std::move(check), std::move(done)}));
}

pool_status node::pool() const {
  auto out = pool_->status();
  if (!log_pool_) return out;
  const auto more = log_pool_->status();
  out.threads += more.threads;
  out.hung += more.hung;
  out.queued += more.queued;
  out.done += more.done;
  return out;
}

std::vector<node::shard_snapshot> node::shards() const {
  std::lock_guard lock(actors_->mutex);
  return actors_->snapshots;
}

shard_actor node::shard_of(std::string_view source) const {
  const auto shard = static_cast<std::size_t>(shard_of_source(source, static_cast<int>(config_.node.shards)));
  std::lock_guard lock(actors_->mutex);
  return actors_->shards[shard];
}

caf::actor_system& node::system() { return actors_->system; }

bool node::alive() const { return !actors_ || *actors_->alive; }

void node::watch() {
  std::unique_lock lock(actors_->watch_mutex);
  while (!actors_->watch_changed.wait_for(lock, ms(config_.supervision.watch_interval_us),
                                          [&] { return actors_->ending; })) {
    ask_shards();
    // On a thread of the pool: while the log does not answer shards must be asked on.
    if (!actors_->dropping_orphans.exchange(true))
      log_pool().post({[this] { drop_orphans(); }, [a = actors_.get()] { a->dropping_orphans = false; }, {}});
    const bool due = wall_clock_us() - actors_->mirrored_at_us >= config_.kafka.group_offsets_us;
    if (!mirror_ || !due || actors_->mirroring.exchange(true)) continue;
    actors_->mirrored_at_us = wall_clock_us();
    log_pool().post({[this] { mirror_positions(); }, [a = actors_.get()] { a->mirroring = false; }, {}});
  }
}

void node::ask_shards() {
  for (std::size_t i = 0; i < actors_->cells.size(); ++i) {
    shard_actor to;
    {
      std::lock_guard lock(actors_->mutex);
      to = actors_->shards[i];
    }
    // The answer may come after the next question, or never; it keeps what it writes into alive.
    auto answer = std::make_shared<std::function<void(shard_report)>>([a = actors_.get(), i](shard_report r) {
      std::lock_guard lock(a->mutex);
      a->snapshots[i].report = std::move(r);
      a->snapshots[i].taken_us = wall_clock_us();
    });
    if (to) caf::anon_send(to, report_atom::value, answer);
  }
}

// Topics of views that are in no pipeline any more go once every shard has let go of their pipeline.
void node::drop_orphans() {
  if (!may_serve()) return;  // the plan of a node that is not the owner may be old
  std::lock_guard lock(actors_->topics_mutex);
  const auto plan = plan_.load();
  for (const auto& s : shards()) {
    if (!s.report.running || s.report.held) return;
    for (const auto& [name, p] : s.report.pipelines) {
      const auto it = plan->pipelines.find(name);
      if (it == plan->pipelines.end() || it->second.record.incarnation != p.incarnation) return;
      if (p.state == "restarting") return;  // it may still read what its predecessor left
    }
    if (s.taken_us < actors_->last_plan_us + 2 * config_.supervision.watch_interval_us) return;
  }
  if (actors_->orphans_of == plan || !drop_orphaned_topics(*log_, hub_, config_.node.app, *plan)) return;
  actors_->orphans_of = plan;
}

// Best effort: what cannot be written now is written in the next round.
void node::mirror_positions() {
  std::vector<int> running;
  const auto all = shards();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i].report.running && !all[i].report.held) running.push_back(static_cast<int>(i));
  const auto done = mirror_->refresh(*plan_.load(), running);
  // Brokers that are new, or have just begun to lead, refuse for a while.
  actors_->mirror_failures = done ? 0 : actors_->mirror_failures + 1;
  if (actors_->mirror_failures == mirror_failures_told)
    spdlog::warn("positions are not shown to Kafka's tools error=\"{}\"", done.error().text());
}

bool node::drain_shards() {
  {
    std::lock_guard lock(actors_->mutex);
    for (auto& s : actors_->snapshots) s.report.drained = false;
  }
  std::vector<shard_actor> told(actors_->shards.size());
  const auto deadline = std::chrono::steady_clock::now() + ms(config_.node.shutdown_timeout_us);
  while (std::chrono::steady_clock::now() < deadline) {
    {
      // A shard that only now comes up, or comes up again, must hear of it too.
      std::lock_guard lock(actors_->mutex);
      for (std::size_t i = 0; i < told.size(); ++i)
        if (const auto& s = actors_->shards[i]; s && s != told[i]) caf::anon_send(told[i] = s, drain_atom::value);
    }
    ask_shards();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const auto all = shards();
    if (std::ranges::all_of(all, [](const shard_snapshot& s) { return s.report.drained; })) return true;
  }
  return false;
}

bool node::stop() {
  if (stopped_.exchange(true)) return true;
  if (!actors_) return true;
  auto& a = *actors_;
  {
    std::lock_guard lock(a.watch_mutex);
    a.ending = true;
  }
  a.watch_changed.notify_all();
  a.watcher.join();
  caf::anon_send_exit(a.sources, caf::exit_reason::user_shutdown);
  if (member_) member_->on_news({});
  std::unique_ptr<standby> tails;
  const bool drained = !owner_ || drain_shards();
  caf::anon_send_exit(a.root, caf::exit_reason::user_shutdown);
  a.release();
  {
    std::lock_guard lock(a.mutex);
    std::swap(tails, a.tails);
  }
  tails.reset();
  const bool log_done = !log_pool_ || log_pool_->stop(ms(config_.node.shutdown_timeout_us));
  const bool pool_done = pool_->stop(ms(config_.node.shutdown_timeout_us)) && log_done;
  if (!pool_done) a.system.await_actors_before_shutdown(false);
  const bool clean = drained && pool_done && store_->mark_clean();
  if (!clean) spdlog::warn("stopped before everything had ended drained={} threads_done={}", drained, pool_done);
  if (pool_done) {
    a.system.await_all_actors_done();  // the control actor may be at its last look at the others
    actors_.reset();
    leave(clean);
  } else
    static_cast<void>(actors_.release());  // a thread that hangs may still touch it
  return clean;
}

}  // namespace weir
