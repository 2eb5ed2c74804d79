// One line that tells how a run is doing.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <limits>
#include <string>

#include "rl/core/clock.h"

namespace rl {

// Threads: a plain value. NaN: not known yet, left out of the line.
struct Progress {
  std::uint64_t steps = 0;
  std::uint64_t total_steps = 0;  // 0: no end set
  double steps_per_second = 0.0;
  double mean_return = std::numeric_limits<double>::quiet_NaN();        // recent training episodes
  double evaluation_return = std::numeric_limits<double>::quiet_NaN();  // newest evaluation
  double loss = std::numeric_limits<double>::quiet_NaN();             // of the newest step
  double evaluation_loss = std::numeric_limits<double>::quiet_NaN();  // newest, held-out
  double exact_match = std::numeric_limits<double>::quiet_NaN();      // share of held-out prompts
  double staleness = std::numeric_limits<double>::quiet_NaN();  // mean weight versions behind
  double wall_seconds = 0.0;
};

// "45.2k / 100k steps  45 %  12.3k steps/s  return 231.5  evaluation 410.2  staleness 0.4  4 s
// left" in at most `columns` characters: the least important parts are left out until the rest
// fits.
std::string progress_line(const Progress& progress, std::size_t columns);

// Shows progress on a terminal as one line that is rewritten, elsewhere (a log file) as a full line
// at most every `quiet_period`. Time comes from the clock passed in.
// Threads: one at a time. The stream and the clock must outlive the object.
class ProgressPrinter {
 public:
  struct Options {
    bool terminal = false;
    std::size_t columns = 80;                       // of the terminal; 0 is taken for 80
    std::chrono::milliseconds quiet_period{10000};  // between lines when it is no terminal
  };

  ProgressPrinter(std::ostream& out, const Clock& clock, Options options);

  void show(const Progress& progress);
  // Prints a full line of its own without mixing it with the progress line.
  void print(const std::string& line);
  // Ends the rewritten line, so that what follows starts on a fresh one. May be called repeatedly.
  void finish();

 private:
  void clear();

  std::ostream& out_;
  const Clock& clock_;
  Options options_;
  std::size_t shown_ = 0;  // characters on the rewritten line
  bool printed_before_ = false;
  Nanoseconds last_print_{};
};

// Whether standard error is a terminal, and how wide.
ProgressPrinter::Options terminal_options();

}  // namespace rl
