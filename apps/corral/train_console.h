// What a training run says while it runs and when it ends.
#pragma once

#include <mutex>
#include <string>

#include "rl/learner/train.h"

namespace rl::app {

// Log lines go to stderr above a progress line that is redrawn in place on a terminal; elsewhere
// progress is printed as a line of its own now and then. The summary goes to stdout.
// Threads: any.
class TrainConsole {
 public:
  explicit TrainConsole(const TrainOptions& options);

  void log(const std::string& line);
  void show(const Progress& progress);
  void finish(const TrainSummary& summary);

 private:
  void erase_line();

  const TrainOptions& options_;
  const bool terminal_;
  std::mutex mutex_;
  std::string shown_;  // the progress line on the terminal now
  double next_plain_line_ = 0.0;  // seconds of the run
};

}  // namespace rl::app
