// Child processes that are there to be killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

namespace rl::tests {

struct Ending {
  std::size_t index = 0;
  int status = 0;  // exit status, or 128 + signal
};

// Children by an index of the caller's. Throws std::runtime_error when one cannot be started.
// Threads: one thread at a time. The destructor kills and reaps what still runs.
class Processes {
 public:
  Processes() = default;
  ~Processes();
  Processes(const Processes&) = delete;
  Processes& operator=(const Processes&) = delete;

  void start(std::size_t index, std::vector<std::string> words);  // words[0]: the program's path
  void signal(std::size_t index, int number) const;
  std::vector<Ending> reap();  // those that have ended since
  // Reaps until all have ended; false at the deadline.
  bool wait_all(std::chrono::milliseconds deadline, std::vector<Ending>* endings = nullptr);
  std::size_t num_running() const { return running_.size(); }
  bool is_running(std::size_t index) const { return running_.contains(index); }
  pid_t process_of(std::size_t index) const { return running_.at(index); }

 private:
  std::map<std::size_t, pid_t> running_{};
};

// What /proc says of a process.
struct Footprint {
  std::size_t resident_bytes = 0;  // anonymous memory: what it allocated, code and files left out
  std::size_t descriptors = 0;
  std::size_t threads = 0;
  double cpu_seconds = 0;
};
Footprint footprint(pid_t process);

// Processes, other than zombies, one of whose arguments contains this text.
std::size_t count_processes(const std::string& text);

}  // namespace rl::tests
