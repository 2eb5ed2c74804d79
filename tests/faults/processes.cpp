#include "tests/faults/processes.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

extern char** environ;

namespace rl::tests {
namespace {

int status_of(int status) {
  constexpr int kSignalled = 128;
  return WIFEXITED(status) ? WEXITSTATUS(status) : kSignalled + WTERMSIG(status);
}

std::string contents(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

// The number behind `Name:` in /proc/N/status; kB or a plain count.
std::size_t number_of(const std::string& status, const std::string& name) {
  const std::size_t found = status.find(name + ":");
  if (found == std::string::npos) return 0;
  return std::strtoull(status.c_str() + found + name.size() + 1, nullptr, 10);
}

}  // namespace

Processes::~Processes() {
  for (const auto& [index, process] : running_) kill(process, SIGKILL);
  for (const auto& [index, process] : running_) waitpid(process, nullptr, 0);
}

void Processes::start(std::size_t index, std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t process = 0;
  const int error = posix_spawn(&process, argv[0], nullptr, nullptr, argv.data(), environ);
  if (error != 0) throw std::runtime_error("cannot start " + words[0] + ": " + strerror(error));
  running_[index] = process;
}

void Processes::signal(std::size_t index, int number) const {
  const auto found = running_.find(index);
  if (found != running_.end()) kill(found->second, number);
}

std::vector<Ending> Processes::reap() {
  std::vector<Ending> endings;
  for (auto it = running_.begin(); it != running_.end();) {
    int status = 0;
    if (waitpid(it->second, &status, WNOHANG) != it->second) {
      ++it;
      continue;
    }
    endings.push_back({it->first, status_of(status)});
    it = running_.erase(it);
  }
  return endings;
}

bool Processes::wait_all(std::chrono::milliseconds deadline, std::vector<Ending>* endings) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  for (;;) {
    for (const Ending& one : reap()) {
      if (endings != nullptr) endings->push_back(one);
    }
    if (running_.empty()) return true;
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

Footprint footprint(pid_t process) {
  const std::filesystem::path folder = "/proc/" + std::to_string(process);
  const std::string status = contents(folder / "status");
  Footprint result;
  result.resident_bytes = number_of(status, "RssAnon") * 1024;
  result.threads = number_of(status, "Threads");
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder / "fd", error)) {
    static_cast<void>(entry);
    ++result.descriptors;
  }
  const std::string stat = contents(folder / "stat");
  std::istringstream fields(stat.substr(stat.rfind(')') + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  result.cpu_seconds = (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
  return result;
}

std::size_t count_processes(const std::string& text) {
  std::size_t count = 0;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (name == std::to_string(getpid())) continue;
    count += contents(entry.path() / "cmdline").find(text) != std::string::npos ? 1U : 0U;
  }
  return count;
}

}  // namespace rl::tests
