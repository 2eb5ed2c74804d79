// Ctrl-C and kill as requests to stop.
#pragma once

#include <atomic>

namespace rl::app {

// Counts the requests, for code that looks at a number or at a flag.
struct StopSignals {
  std::atomic<int> count{0};
  std::atomic<bool> stop{false};
};

// From now on SIGINT and SIGTERM ask to stop: the first one is only counted (and `promise`, one
// line, is printed to stderr), the second ends the process at once with status 128 + signal.
// Threads: call once, before other threads start; the result lives as long as the program.
const StopSignals& stop_on_signals(const char* promise);

// A child process that the second signal ends too. The newest 4096 are remembered.
// Threads: one thread at a time.
void end_with_us(int process_id);

}  // namespace rl::app
