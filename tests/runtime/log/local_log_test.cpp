// What only the embedded log must do: survive kills and power failures, retention by files, one process, a full disk.
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include "runtime/fault/protocol_rules.hpp"
#include "tests/runtime/log/log_under_test.hpp"

namespace weir::test {
namespace {

local_log_options options_for(const scratch_folder& folder, std::string boot_id = "boot-a") {
  local_log_options options;
  options.path = folder.path() / "log";
  options.disk_reserve_bytes = 0;
  options.boot_id = std::move(boot_id);
  return options;
}

log_append entry(std::string_view topic, std::string_view value, std::string_view key = {}) {
  return {.topic = topic, .key = key, .value = value};
}

std::vector<std::int64_t> commit(log_writer& writer, std::vector<log_append> batch) {
  return value_of(writer.commit(batch));
}

std::vector<log_entry> read_all(event_log& log, std::string_view topic, std::int64_t from = 0) {
  return drain(*value_of(log.read(topic, 0, from)));
}

template <class T>
error error_of(result<T> answer) {
  REQUIRE_FALSE(answer);
  return std::move(answer).error();
}

// Does not compress.
std::string noise(std::mt19937_64& random, std::size_t bytes) {
  std::string out(bytes, '\0');
  for (auto& byte : out) byte = static_cast<char>(random());
  return out;
}

// --- a child process: this program again, running the hidden case below ---------------------------------------------

constexpr char child_folder[] = "WEIR_LOG_TEST_FOLDER";
constexpr char child_boot[] = "WEIR_LOG_TEST_BOOT";
constexpr char child_commits[] = "WEIR_LOG_TEST_COMMITS";
constexpr char child_case[] = "child process of the embedded log's tests";

// Commits numbered transactions: to "t" twice, to "u" once and to the compacted "c", each with the same number. Tells
// every number that was answered. Ends without closing the log.
int run_child(const char* folder) {
  local_log_options options;
  options.path = folder;
  options.disk_reserve_bytes = 0;
  options.memtable_bytes = 4U << 20;
  options.boot_id = std::getenv(child_boot);
  auto const log = open_local_log(options);
  if (!log) return 2;
  auto const made = [&](const char* name, topic_kind kind) {
    return (*log)->create_topic({.name = name, .kind = kind}).has_value();
  };
  if (!made("t", topic_kind::append) || !made("u", topic_kind::append) || !made("c", topic_kind::compacted)) return 3;
  auto const writer = (*log)->open_writer("w");
  if (!writer) return 4;
  std::string const filler(2000, 'f');
  auto number = value_of((*log)->bounds("u", 0)).end;
  for (auto left = std::atol(std::getenv(child_commits)); left > 0; --left, ++number) {
    auto const text = std::to_string(number);
    auto const key = fmt::format("k{}", number % 7);
    std::vector<log_append> const batch{
        entry("t", text), {.topic = "t", .value = filler, .header = text}, entry("u", text), entry("c", text, key)};
    if (!(*writer)->commit(batch)) return 5;
    if (::write(STDOUT_FILENO, &number, sizeof number) != sizeof number) return 6;
  }
  ::_exit(0);  // here, where the log is still open
}

struct child {
  pid_t process = -1;
  int answers = -1;  // the numbers that were answered, as int64
};

child start_child(const scratch_folder& folder, const std::string& boot, long commits) {
  ::setenv(child_folder, (folder.path() / "log").c_str(), 1);
  ::setenv(child_boot, boot.c_str(), 1);
  ::setenv(child_commits, std::to_string(commits).c_str(), 1);
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  // What Catch2 says itself does not belong among the answers.
  std::string program = "/proc/self/exe", name = child_case, out = "-o", nowhere = "/dev/null";
  char* arguments[] = {program.data(), name.data(), out.data(), nowhere.data(), nullptr};
  child started{.answers = ends[0]};
  REQUIRE(::posix_spawn(&started.process, program.c_str(), &actions, nullptr, arguments, environ) == 0);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  ::unsetenv(child_folder);
  return started;
}

// The last number that the child was answered, or `before` when there was none; waits for the child's end.
std::int64_t finish(child& running, std::int64_t before) {
  std::int64_t number = before, read = 0;
  while (::read(running.answers, &read, sizeof read) == sizeof read) number = read;
  ::close(running.answers);
  int how = 0;
  REQUIRE(::waitpid(running.process, &how, 0) == running.process);
  REQUIRE((WIFSIGNALED(how) || (WIFEXITED(how) && WEXITSTATUS(how) == 0)));
  return number;
}

// All topics hold the same transactions, numbered without a gap; answers how many.
std::int64_t check_transactions(event_log& log) {
  auto const singles = read_all(log, "u");
  auto const doubles = read_all(log, "t");
  REQUIRE(doubles.size() == 2 * singles.size());
  std::map<std::string, std::string> latest;
  for (std::size_t i = 0; i < singles.size(); ++i) {
    auto const text = std::to_string(i);
    REQUIRE(singles[i].offset == static_cast<std::int64_t>(i));
    REQUIRE(singles[i].value == text);
    REQUIRE(doubles[2 * i].value == text);
    REQUIRE(doubles[2 * i + 1].header == text);
    latest[fmt::format("k{}", i % 7)] = text;
  }
  std::map<std::string, std::string> found;
  for (auto const& one : read_all(log, "c")) found[one.key] = *one.value;
  REQUIRE(found == latest);
  return static_cast<std::int64_t>(singles.size());
}

TEST_CASE("child process of the embedded log's tests", "[.]") {
  auto const* folder = std::getenv(child_folder);
  if (folder != nullptr) ::_exit(run_child(folder));
}

TEST_CASE("kill -9 while committing loses nothing that was answered and tears no transaction", "[log][local]") {
  scratch_folder const folder;
  std::mt19937_64 random(11);
  std::int64_t answered = -1;
  for (int kills = 0; kills < 15; ++kills) {
    auto running = start_child(folder, "boot-a", 1'000'000);
    std::int64_t first = 0;
    REQUIRE(::read(running.answers, &first, sizeof first) == sizeof first);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));
    REQUIRE(::kill(running.process, SIGKILL) == 0);
    answered = finish(running, first);
    auto const log = value_of(open_local_log(options_for(folder)));
    auto const stands = check_transactions(*log);
    REQUIRE(stands >= answered + 1);
    REQUIRE(stands <= answered + 2);
    CHECK(value_of(log->bounds("u", 0)).end == stands);
  }
  CHECK(answered > 50);
}

std::filesystem::path newest_wal(const scratch_folder& folder) {
  std::filesystem::path newest;
  for (auto const& file : std::filesystem::directory_iterator(folder.path() / "log" / "rocksdb")) {
    if (file.path().extension() == ".log" && file.path().filename() > newest.filename()) newest = file.path();
  }
  REQUIRE_FALSE(newest.empty());
  return newest;
}

TEST_CASE("a power failure jumps every partition over what was lost, and the lost range is named", "[log][local]") {
  scratch_folder const folder;
  auto running = start_child(folder, "boot-a", 300);
  REQUIRE(finish(running, -1) == 299);
  auto const wal = newest_wal(folder);
  std::filesystem::resize_file(wal, std::filesystem::file_size(wal) * 2 / 3);
  auto const reserved = local_log_options{}.reserve_offsets;
  std::int64_t stands = 0;
  {
    auto const log = value_of(open_local_log(options_for(folder, "boot-b")));
    stands = check_transactions(*log);
    REQUIRE(stands > 50);
    REQUIRE(stands < 300);
    auto const bounds = value_of(log->bounds("u", 0));
    CHECK(bounds.start == 0);
    CHECK(bounds.end == reserved);
    // Who had seen exactly what stands goes on; who had seen more is told.
    CHECK(read_all(*log, "u", stands).empty());
    for (auto const topic : {"u", "c"}) {
      auto const lost = error_of(log->read(topic, 0, stands + 1));
      CHECK(lost.code == errc::offset_out_of_range);
      CHECK(lost.message.find("lost in a power failure") != std::string::npos);
    }
    // Who goes back from further on begins where the lost range does.
    CHECK(value_of(log->begin_of("u", 0, reserved)) == reserved);
    for (auto const at : {stands, stands + 1, reserved - 1}) CHECK(value_of(log->begin_of("u", 0, at)) == stands);
    CHECK(value_of(log->begin_of("u", 0, stands - 1)) == stands - 1);
    auto const reader = value_of(log->read("u", 0, stands));
    CHECK(commit(*value_of(log->open_writer("w")), {entry("u", "after"), entry("c", "after", "k")}) ==
          std::vector{reserved, reserved});
    auto const after = drain(*reader);
    REQUIRE(after.size() == 1);
    CHECK(after[0].value == "after");
  }
  // The jump is remembered, and a clean end adds none.
  auto const log = value_of(open_local_log(options_for(folder, "boot-c")));
  CHECK(error_of(log->read("u", 0, stands + 1)).message.find("lost in a power failure") != std::string::npos);
  CHECK(value_of(log->bounds("u", 0)).end == reserved + 1);
  auto const all = read_all(*log, "u");
  REQUIRE(all.size() == static_cast<std::size_t>(stands) + 1);
  CHECK(all.back().offset == reserved);
  CHECK(read_all(*log, "c").back().value == "after");
}

TEST_CASE("an unclean end within one boot jumps nothing, under another boot every time", "[log][local]") {
  scratch_folder const folder;
  auto const reserved = local_log_options{}.reserve_offsets;
  auto running = start_child(folder, "boot-a", 10);
  finish(running, -1);
  { CHECK(value_of(value_of(open_local_log(options_for(folder)))->bounds("u", 0)).end == 10); }
  running = start_child(folder, "boot-a", 10);
  finish(running, -1);
  running = start_child(folder, "boot-b", 0);
  finish(running, -1);
  auto const log = value_of(open_local_log(options_for(folder, "boot-c")));
  CHECK(value_of(log->bounds("u", 0)).end == 2 * reserved);
  CHECK(read_all(*log, "u").size() == 20);
  CHECK(read_all(*log, "u", 20).empty());
  CHECK(read_all(*log, "u", reserved).empty());
  CHECK(error_of(log->read("u", 0, reserved + 1)).code == errc::offset_out_of_range);
}

TEST_CASE("offsets go on past a reservation, and reservations hold across reopening", "[log][local]") {
  scratch_folder const folder;
  auto options = options_for(folder);
  options.reserve_offsets = 5;
  std::int64_t next = 0;
  for (int round = 0; round < 4; ++round) {
    auto const log = value_of(open_local_log(options));
    done(log->create_topic({.name = "t"}));
    auto const writer = value_of(log->open_writer("w"));
    for (int i = 0; i < 7; ++i) {
      auto const given = commit(*writer, {entry("t", "a"), entry("t", "b"), entry("t", "c")});
      CHECK(given == std::vector{next, next + 1, next + 2});
      next += 3;
    }
  }
}

TEST_CASE("rule 23: retention drops the oldest files, and a reader below the start is told", "[log][local]") {
  scratch_folder const folder;
  std::mt19937_64 random(5);
  auto options = options_for(folder);
  options.batch_bytes = 16U << 10;
  auto log = value_of(open_local_log(options));
  done(log->create_topic({.name = "t", .partitions = 2, .retention_bytes = 1 << 20}));
  done(log->create_topic({.name = "all", .retention_bytes = 0}));
  auto writer = value_of(log->open_writer("w"));
  auto early = value_of(log->read("t", 0, 0));
  auto middle = value_of(log->read("t", 0, 0));
  commit(*writer, {entry("t", "first"), {.topic = "t", .partition = 1, .value = "first"}});
  REQUIRE(value_of(middle->fetch(1)).size() == 1);
  std::map<std::int64_t, std::string> written;
  for (int i = 0; i < 400; ++i) {
    auto const text = noise(random, 10'000);
    auto const given = commit(*writer, {entry("t", text), entry("all", text.substr(0, 1000))});
    written[given[0]] = text.substr(0, 100);
  }
  log_bounds bounds;
  for (int wait = 0; wait < 200 && bounds.start == 0; ++wait) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    bounds = value_of(log->bounds("t", 0));
  }
  REQUIRE(bounds.start > 1);
  CHECK(bounds.end == 401);
  CHECK(error_of(early->fetch(1000)).code == errc::offset_out_of_range);
  CHECK(early->position() == 0);
  CHECK(error_of(middle->fetch(1000)).code == errc::offset_out_of_range);
  CHECK(error_of(log->read("t", 0, bounds.start - 1)).code == errc::offset_out_of_range);
  {
    rule_switched_off const off(23);  // PROTOCOL 23: without it the same reader skips in silence
    CHECK(value_of(early->fetch(1)).front().offset >= bounds.start);
  }
  CHECK(read_all(*log, "all").size() == 400);
  writer.reset();
  early.reset();
  middle.reset();
  for (int round = 0; round < 2; ++round) {
    bounds = value_of(log->bounds("t", 0));
    auto const rest = read_all(*log, "t", bounds.start);
    REQUIRE(rest.size() == static_cast<std::size_t>(bounds.end - bounds.start));
    for (auto const& one : rest) REQUIRE(one.value->substr(0, 100) == written.at(one.offset));
    // A partition that retention has emptied goes on where it was.
    auto const other = value_of(log->bounds("t", 1));
    CHECK(other.end == 1);
    CHECK(read_all(*log, "all").size() == 400);
    if (round == 0) {
      log.reset();
      log = value_of(open_local_log(options));
    }
  }
}

TEST_CASE("a changed retention is kept across reopening", "[log][local]") {
  scratch_folder const folder;
  auto const wide = topic_config{.name = "t"};
  auto const narrow = topic_config{.name = "t", .retention_ms = 0, .retention_bytes = 1 << 20};
  {
    auto const log = value_of(open_local_log(options_for(folder)));
    done(log->create_topic(wide));
    done(log->create_topic(narrow));
  }
  std::mt19937_64 random(5);
  auto const log = value_of(open_local_log(options_for(folder)));
  CHECK(value_of(log->topics()) == std::vector{narrow});
  auto const writer = value_of(log->open_writer("w"));
  auto const text = noise(random, 1 << 20);
  for (int i = 0; i < 300 && value_of(log->bounds("t", 0)).start == 0; ++i) commit(*writer, {entry("t", text)});
  CHECK(value_of(log->bounds("t", 0)).start > 0);
}

TEST_CASE("a commit that would leave less than the disk's reserve answers no_space, and later works", "[log][local]") {
  scratch_folder const folder;
  auto options = options_for(folder);
  options.disk_reserve_bytes = 1'000'000;
  std::uint64_t free = 1'100'000;
  options.free_bytes = [&free]() -> result<std::uint64_t> { return free; };
  auto const log = value_of(open_local_log(options));
  done(log->create_topic({.name = "t"}));
  auto const writer = value_of(log->open_writer("w"));
  std::string const text(60'000, 'x');
  commit(*writer, {entry("t", text)});
  free -= 60'000;
  auto const refused = error_of(writer->commit(std::vector{entry("t", text)}));
  CHECK(refused.code == errc::no_space);
  CHECK(refused.message.find(options.path.string()) != std::string::npos);
  CHECK(read_all(*log, "t").size() == 1);
  free = 2'000'000;
  commit(*writer, {entry("t", text)});
  CHECK(read_all(*log, "t").size() == 2);
}

// Files of this process cannot grow beyond `bytes` while it lives.
class file_size_limit {
 public:
  explicit file_size_limit(rlim_t bytes) : old_handler_(::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    auto now = old_;
    now.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    ::signal(SIGXFSZ, old_handler_);
  }
  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;

 private:
  void (*old_handler_)(int);
  rlimit old_{};
};

TEST_CASE("after a failed write the log is only read, and the next open has all that was answered", "[log][local]") {
  scratch_folder const folder;
  std::size_t answered = 0;
  std::string const text(50'000, 'x');
  {
    auto const log = value_of(open_local_log(options_for(folder)));
    done(log->create_topic({.name = "t"}));
    auto const writer = value_of(log->open_writer("w"));
    auto const other = value_of(log->open_writer("o"));
    file_size_limit const limit(1'000'000);
    auto answer = writer->commit(std::vector{entry("t", text)});
    for (; answer && answered < 100; answer = writer->commit(std::vector{entry("t", text)})) ++answered;
    CHECK(error_of(answer).code == errc::unknown_outcome);
    CHECK(error_of(writer->commit(std::vector{entry("t", "x")})).code == errc::fenced);
    auto const stopped = error_of(other->commit(std::vector{entry("t", "x")}));
    CHECK(stopped.code == errc::io_error);
    CHECK(stopped.message.find((folder.path() / "log").string()) != std::string::npos);
    CHECK_FALSE(log->open_writer("w"));
    CHECK_FALSE(log->create_topic({.name = "u"}));
    CHECK(read_all(*log, "t").size() == answered);
  }
  auto const log = value_of(open_local_log(options_for(folder)));
  auto const found = read_all(*log, "t");
  CHECK(answered > 5);
  CHECK(found.size() >= answered);
  CHECK(found.size() <= answered + 1);
  CHECK(commit(*value_of(log->open_writer("w")), {entry("t", "y")})[0] == static_cast<std::int64_t>(found.size()));
}

TEST_CASE("a folder that is open cannot be opened again", "[log][local]") {
  scratch_folder const folder;
  auto log = value_of(open_local_log(options_for(folder)));
  auto const here = error_of(open_local_log(options_for(folder)));
  CHECK(here.code == errc::conflict);
  CHECK(here.message.find((folder.path() / "log").string()) != std::string::npos);
  log.reset();
  auto running = start_child(folder, "boot-a", 1'000'000);
  std::int64_t first = 0;
  REQUIRE(::read(running.answers, &first, sizeof first) == sizeof first);
  auto const elsewhere = error_of(open_local_log(options_for(folder)));
  CHECK(elsewhere.code == errc::conflict);
  CHECK(elsewhere.message.find("another process") != std::string::npos);
  REQUIRE(::kill(running.process, SIGKILL) == 0);
  finish(running, 0);
  CHECK(open_local_log(options_for(folder)).has_value());
}

void flip_bytes(const std::filesystem::path& file, std::uintmax_t at, std::size_t count) {
  std::fstream bytes(file, std::ios::in | std::ios::out | std::ios::binary);
  std::string held(count, '\0');
  bytes.seekg(static_cast<std::streamoff>(at));
  bytes.read(held.data(), static_cast<std::streamsize>(count));
  for (auto& byte : held) byte = static_cast<char>(~byte);
  bytes.seekp(static_cast<std::streamoff>(at));
  bytes.write(held.data(), static_cast<std::streamsize>(count));
  REQUIRE(bytes.good());
}

TEST_CASE("damaged files give an error that names the folder, never wrong entries", "[log][local]") {
  scratch_folder const folder;
  auto const options = options_for(folder);
  auto const database = options.path / "rocksdb";
  {
    std::mt19937_64 random(3);
    auto const log = value_of(open_local_log(options));
    done(log->create_topic({.name = "t"}));
    auto const writer = value_of(log->open_writer("w"));
    for (int i = 0; i < 20; ++i) commit(*writer, {entry("t", noise(random, 50'000))});
  }
  auto const check_refused = [&] {
    auto const log = open_local_log(options);
    auto const found = log ? error_of((*value_of((*log)->read("t", 0, 0))).fetch(std::size_t{1} << 30)) : log.error();
    CHECK(found.code == errc::corrupt);
    CHECK(found.message.find(options.path.string()) != std::string::npos);
    CHECK_FALSE(found.hint.empty());
  };
  SECTION("the write-ahead log, after a clean end") {
    auto const wal = newest_wal(folder);
    flip_bytes(wal, std::filesystem::file_size(wal) / 2, 10);
    check_refused();
    check_refused();
  }
  SECTION("a table file") {
    { auto const flushed = value_of(open_local_log(options)); }  // recovery writes tables
    std::filesystem::path largest;
    for (auto const& file : std::filesystem::directory_iterator(database)) {
      if (file.path().extension() == ".sst" && (largest.empty() || file.file_size() > file_size(largest)))
        largest = file;
    }
    REQUIRE_FALSE(largest.empty());
    flip_bytes(largest, std::filesystem::file_size(largest) / 2, 10);
    check_refused();
  }
  SECTION("no CURRENT") {
    std::filesystem::remove(database / "CURRENT");
    check_refused();
  }
  SECTION("an unreadable weir.boot") {
    std::ofstream(options.path / "weir.boot") << "nonsense";
    check_refused();
  }
}

TEST_CASE("bad options and folders are refused by name", "[log][local]") {
  scratch_folder const folder;
  auto const refused = [&](auto change) {
    auto options = options_for(folder);
    change(options);
    return error_of(open_local_log(options));
  };
  CHECK(refused([](auto& o) { o.path = ""; }).code == errc::invalid_argument);
  CHECK(refused([](auto& o) { o.max_entry_bytes = 100U << 20; }).message.find("max_entry_bytes") != std::string::npos);
  CHECK(refused([](auto& o) { o.max_commit_bytes = 1; }).message.find("max_commit_bytes") != std::string::npos);
  CHECK(refused([](auto& o) { o.batch_bytes = 0; }).message.find("batch_bytes") != std::string::npos);
  CHECK(refused([](auto& o) { o.reserve_offsets = 0; }).message.find("reserve_offsets") != std::string::npos);
  CHECK(refused([](auto& o) { o.path = "/proc/no/such"; }).code == errc::io_error);
}

TEST_CASE("a commit over max_commit_bytes is rejected", "[log][local]") {
  scratch_folder const folder;
  auto options = options_for(folder);
  options.max_entry_bytes = 100'000;
  options.max_commit_bytes = 200'000;
  auto const log = value_of(open_local_log(options));
  done(log->create_topic({.name = "t"}));
  auto const writer = value_of(log->open_writer("w"));
  std::string const text(90'000, 'x');
  CHECK(error_of(writer->commit(std::vector{entry("t", text), entry("t", text), entry("t", text)})).code ==
        errc::rejected);
  CHECK(commit(*writer, {entry("t", text), entry("t", text)}).size() == 2);
}

}  // namespace
}  // namespace weir::test
