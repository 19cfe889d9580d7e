#include "runtime/sql/parser_thread.hpp"

#include <pg_query.h>
#include <pthread.h>
#include <simdjson.h>

#include <condition_variable>
#include <mutex>
#include <utility>

namespace weir {
namespace {

constexpr std::size_t stack_bytes = 64 << 20;  // address space; touched only as deep as a statement nests

struct parse_job {
  const std::string& sql;
  raw_parse parsed;
  bool done = false;
};

// The scanner may end what it quotes inside of a character: such a piece is left out.
std::string whole_characters(std::string message) {
  if (!simdjson::validate_utf8(message)) std::erase_if(message, [](char c) { return (c & 0x80) != 0; });
  return message;
}

void parse(parse_job& job) {
  PgQueryParseResult found = pg_query_parse(job.sql.c_str());
  if (found.error != nullptr) {
    job.parsed.error = whole_characters(found.error->message);
    job.parsed.error_character = found.error->cursorpos;
  } else {
    job.parsed.tree = found.parse_tree;
  }
  pg_query_free_parse_result(found);
}

// One, because the library takes a key of thread-specific data for every thread that calls it, never gives it back, and
// a process has 1,024 of them: OpenSSL and others fail when there are none. Of its own, because a statement may nest
// deeper than the caller's stack.
class parser_thread {
 public:
  status run(parse_job& job) {
    std::unique_lock lock(mutex_);
    if (!started_) WEIR_TRY_VOID(start());
    changed_.wait(lock, [&] { return job_ == nullptr; });
    job_ = &job;
    changed_.notify_all();
    changed_.wait(lock, [&] { return job.done; });
    return {};
  }

 private:
  status start() {
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread{};
    const int failed = pthread_create(&thread, &attributes, &parser_thread::work, this);
    pthread_attr_destroy(&attributes);
    if (failed != 0) return fail(errc::unavailable, "cannot start a thread for the SQL parser (error {})", failed);
    started_ = true;
    return {};
  }

  static void* work(void* self) {
    auto& own = *static_cast<parser_thread*>(self);
    std::unique_lock lock(own.mutex_);
    for (;;) {
      own.changed_.wait(lock, [&] { return own.job_ != nullptr; });
      auto& job = *own.job_;
      lock.unlock();
      parse(job);
      lock.lock();
      job.done = true;
      own.job_ = nullptr;
      own.changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  parse_job* job_ = nullptr;  // that is parsed, or waits for it
  bool started_ = false;
};

}  // namespace

result<raw_parse> parse_on_own_thread(const std::string& sql) {
  static auto* const parser = new parser_thread;  // ends with the process, whoever still parses then
  parse_job job{sql, {}};
  WEIR_TRY_VOID(parser->run(job));
  return std::move(job.parsed);
}

}  // namespace weir
