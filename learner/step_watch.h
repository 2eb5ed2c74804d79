// Tells skipped steps that are an accident from those that will not end by themselves.
#pragma once

#include <cstddef>
#include <deque>

namespace rl {

// Fed with what every update did. Threads: one thread at a time.
class StepWatch {
 public:
  static constexpr std::size_t kMostInARow = 3;    // skipped, with none applied between
  static constexpr std::size_t kWindow = 1000;     // the last steps
  static constexpr std::size_t kMostInWindow = 10; // skipped among them: 1 %

  // True when the weights should go back to the last good ones. An update that applied any step
  // ends a row: the weights still learn.
  bool note(std::size_t applied, std::size_t skipped) {
    in_a_row_ = applied == 0 ? in_a_row_ + skipped : 0;
    updates_.push_back({applied, skipped});
    steps_ += applied + skipped;
    skipped_ += skipped;
    while (steps_ - updates_.front().steps() >= kWindow) {
      steps_ -= updates_.front().steps();
      skipped_ -= updates_.front().skipped;
      updates_.pop_front();
    }
    return in_a_row_ >= kMostInARow || skipped_ >= kMostInWindow;
  }

  void reset() { *this = {}; }

 private:
  struct Update {
    std::size_t applied = 0;
    std::size_t skipped = 0;
    std::size_t steps() const { return applied + skipped; }
  };

  std::deque<Update> updates_;
  std::size_t steps_ = 0;    // in updates_
  std::size_t skipped_ = 0;  // in updates_
  std::size_t in_a_row_ = 0;
};

}  // namespace rl
