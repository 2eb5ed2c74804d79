// Time is passed in, so that tests need no sleep.
#pragma once

#include <atomic>
#include <chrono>

namespace rl {

using Nanoseconds = std::chrono::nanoseconds;

// Monotonic time since an arbitrary start.
// Threads: now() may be called from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Nanoseconds now() const = 0;
};

// The machine's monotonic clock; one object for the whole process.
const Clock& steady_clock();

// Moves only when told to.
class ManualClock final : public Clock {
 public:
  Nanoseconds now() const override { return Nanoseconds(now_.load()); }
  void advance(Nanoseconds by) { now_ += by.count(); }

 private:
  std::atomic<Nanoseconds::rep> now_{0};
};

}  // namespace rl
