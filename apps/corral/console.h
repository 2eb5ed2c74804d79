// What a training run prints while it goes on.
#pragma once

#include <iostream>
#include <mutex>
#include <string>

#include "apps/corral/terminal.h"
#include "rl/reporting/progress_line.h"

namespace rl::app {

// Log lines and the progress line share stderr; the summary has stdout to itself. Threads: any.
class Console {
 public:
  explicit Console(bool quiet) : quiet_(quiet) {}

  void log(const std::string& line) {
    const std::lock_guard lock(mutex_);
    printer_.print(line);
  }
  void show(const Progress& progress) {
    const std::lock_guard lock(mutex_);
    if (!quiet_) printer_.show(progress);
  }
  void finish() {
    const std::lock_guard lock(mutex_);
    printer_.finish();
  }

 private:
  const bool quiet_;
  std::mutex mutex_;
  ProgressPrinter printer_{std::cerr, steady_clock(), terminal_options()};
};

}  // namespace rl::app
