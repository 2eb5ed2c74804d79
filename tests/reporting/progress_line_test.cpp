#include "rl/reporting/progress_line.h"

#include <doctest/doctest.h>

#include <sstream>

namespace {

using rl::Progress;
using rl::ProgressPrinter;
using std::chrono::milliseconds;

Progress sample() {
  return {.steps = 45200,
          .total_steps = 100000,
          .steps_per_second = 12340.0,
          .mean_return = 231.46,
          .evaluation_return = 410.2,
          .staleness = 0.4,
          .wall_seconds = 3.6};
}

TEST_SUITE_BEGIN("progress line");

TEST_CASE("a wide line tells everything") {
  CHECK(rl::progress_line(sample(), 200) ==
        "45.2k / 100k steps  45 %  12.3k steps/s  return 231.5  evaluation 410.2  "
        "staleness 0.4  4 s left");
}

TEST_CASE("what is not known yet is left out") {
  CHECK(rl::progress_line({.steps = 0, .total_steps = 100000}, 200) == "0 / 100k steps  0 %  0 s");
  CHECK(rl::progress_line({.steps = 5, .wall_seconds = 61.0}, 200) == "5 steps  1 min 1 s");
}

TEST_CASE("losses and exact answers are told where there are some") {
  CHECK(rl::progress_line({.steps = 500,
                           .total_steps = 1000,
                           .loss = 0.12345,
                           .evaluation_loss = 0.2,
                           .exact_match = 0.934,
                           .wall_seconds = 5.0},
                          200) ==
        "500 / 1.00k steps  50 %  loss 0.123  held out 0.200  exact 93.4 %  5 s");
}

TEST_CASE("no width is exceeded and the steps stay longest") {
  const Progress progress = sample();
  for (std::size_t columns = 0; columns <= 120; ++columns) {
    const std::string line = rl::progress_line(progress, columns);
    CHECK(line.size() <= columns);
    if (columns >= 18) CHECK(line.starts_with("45.2k / 100k steps"));
  }
  CHECK(rl::progress_line(progress, 60) == "45.2k / 100k steps  45 %  return 231.5  4 s left");
}

TEST_CASE("numbers and times keep to a few digits") {
  const auto steps = [](std::uint64_t count) {
    const std::string line = rl::progress_line({.steps = count}, 200);
    return line.substr(0, line.find(' '));
  };
  CHECK(steps(999) == "999");
  CHECK(steps(1000) == "1.00k");
  CHECK(steps(99999) == "100k");
  CHECK(steps(999999) == "1.00M");
  CHECK(steps(12345678) == "12.3M");
  const auto time = [](double seconds) {
    const std::string line = rl::progress_line({.wall_seconds = seconds}, 200);
    return line.substr(line.find("  ") + 2);
  };
  CHECK(time(59.9) == "59 s");
  CHECK(time(3725.0) == "1 h 2 min");
  CHECK(time(200000.0) == "2 d 7 h");
}

TEST_CASE("on a terminal one line is rewritten and leftovers are wiped") {
  std::ostringstream out;
  const rl::ManualClock clock;
  ProgressPrinter printer(out, clock, {.terminal = true, .columns = 200});
  printer.show({.steps = 10000000, .wall_seconds = 1.0});
  printer.show({.steps = 5, .wall_seconds = 1.0});
  CHECK(out.str() == "\r10.0M steps  1 s\r5 steps  1 s    ");
  printer.finish();
  printer.finish();
  CHECK(out.str().ends_with("    \n"));
}

TEST_CASE("other lines do not mix with the rewritten one") {
  std::ostringstream out;
  const rl::ManualClock clock;
  ProgressPrinter printer(out, clock, {.terminal = true, .columns = 200});
  printer.show({.steps = 5, .wall_seconds = 1.0});
  printer.print("worker 3 left");
  CHECK(out.str() == "\r5 steps  1 s\r            \rworker 3 left\n");
}

TEST_CASE("in a log file there is a full line at most every quiet period") {
  std::ostringstream out;
  rl::ManualClock clock;
  ProgressPrinter printer(out, clock, {.quiet_period = milliseconds(1000)});
  printer.show({.steps = 1, .wall_seconds = 0.0});
  clock.advance(milliseconds(999));
  printer.show({.steps = 2, .wall_seconds = 0.9});
  clock.advance(milliseconds(1));
  printer.show({.steps = 3, .wall_seconds = 1.0});
  CHECK(out.str() == "1 steps  0 s\n3 steps  1 s\n");
}

TEST_SUITE_END();

}  // namespace
