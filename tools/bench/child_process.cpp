#include "tools/bench/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

namespace weir::bench {

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

child_process::child_process(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                             std::filesystem::path log)
    : log_(std::move(log)) {
  std::vector<const char*> words{program.c_str()};
  for (const auto& a : arguments) words.push_back(a.c_str());
  words.push_back(nullptr);
  pid_ = fork();
  if (pid_ < 0) throw std::runtime_error("no process");
  if (pid_ > 0) return;
  const int out = open(log_.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
  dup2(out, 1);
  dup2(out, 2);
  execv(program.c_str(), const_cast<char* const*>(words.data()));
  _exit(127);
}

child_process::~child_process() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool child_process::has_ended() {
  if (pid_ > 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = -1;
  return pid_ < 0;
}

std::string child_process::said() const { return content_of(log_); }

namespace {

// Of a process or a thread, from its `stat`.
double cpu_s_of(const std::string& stat) {
  if (stat.empty()) return 0;
  std::istringstream fields(stat.substr(stat.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

double child_process::cpu_s() const { return cpu_s_of(content_of(fmt::format("/proc/{}/stat", pid_))); }

std::map<std::string, double> child_process::cpu_by_thread_s() const {
  std::map<std::string, double> out;
  for (const auto& thread : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid_))) {
    const auto stat = content_of(thread.path() / "stat");
    const auto begin = stat.find('('), end = stat.rfind(')');
    if (end != std::string::npos) out[stat.substr(begin + 1, end - begin - 1)] += cpu_s_of(stat);
  }
  return out;
}

std::uint64_t child_process::peak_mb() const {
  const auto status = content_of(fmt::format("/proc/{}/status", pid_));
  const auto at = status.find("VmHWM:");
  return at == std::string::npos ? 0 : std::stoull(status.substr(at + 6)) / 1'024;
}

}  // namespace weir::bench
