// The program as a user runs it: a process with arguments, output and an exit status.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/errors.h"

namespace rl::tests {

// `corral` of this build, started at once. What it prints is collected while waiting.
// Threads: one thread at a time. The destructor kills what still runs.
class Program {
 public:
  explicit Program(std::vector<std::string> arguments);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // Until `text` was printed on stderr (or stdout); false at the end of the program or after the
  // deadline.
  bool wait_for(const std::string& text, std::chrono::seconds deadline = std::chrono::seconds(60));
  // What follows `label` on its line of stderr, once the whole line is there; empty as above.
  std::string rest_of_line(const std::string& label,
                           std::chrono::seconds deadline = std::chrono::seconds(60));
  // The exit status, 128 + signal when killed, -1 when the deadline came first (it is killed then).
  int finish(std::chrono::seconds deadline = std::chrono::seconds(60));
  void send(int signal) const;

  const std::string& out() const { return out_; }
  const std::string& err() const { return err_; }

 private:
  bool pump(std::chrono::steady_clock::time_point end);  // false when nothing more will come

  int process_ = -1;
  int process_handle_ = -1;
  int out_pipe_ = -1;
  int err_pipe_ = -1;
  std::string out_;
  std::string err_;
};

struct Ended {
  int status = -1;
  std::string out;
  std::string err;
};

// Starts it, waits for its end.
Ended run_program(std::vector<std::string> arguments);

// Number of a running process one of whose arguments is this text; 0 when there is none.
int find_process(const std::string& argument);

// Whether the process, not a child of ours, has ended or ends before the deadline.
bool ends(int process, std::chrono::seconds deadline = std::chrono::seconds(20));


}  // namespace rl::tests
