// How a run gets out of numbers that are not finite: back to its last whole checkpoint.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "learner/run_folder.h"
#include "learner/step_watch.h"
#include "rl/formats/finite.h"

namespace rl {

// Threads: one thread at a time.
class Rollback {
 public:
  Rollback(const RunFolder& folder, std::function<void(const std::string&)> log)
      : folder_(folder), log_(std::move(log)) {}

  // True when what an update skipped is no accident any more; see StepWatch.
  bool is_due(std::size_t applied, std::size_t skipped) { return watch_.note(applied, skipped); }

  // The checkpoint to go back to, which an alarm tells of; at most two in one call of a run. Throws
  // Error saying `why` when there is none, or were two.
  Checkpoint next(std::uint64_t step, const std::string& why);
  std::uint64_t count() const { return count_; }  // checkpoints gone back to

 private:
  const RunFolder& folder_;
  std::function<void(const std::string&)> log_;
  StepWatch watch_;
  std::uint64_t count_ = 0;
};

// What `make` makes, safetensors images, once all their numbers are finite; until then `go_back` is
// told what is not, and they are made again.
template <class Make, class GoBack>
auto until_finite(const Make& make, const GoBack& go_back) {
  for (;;) {
    auto images = make();
    std::string culprit;
    for (const Bytes& image : images) {
      if (culprit.empty()) culprit = find_non_finite(image, "state");
    }
    if (culprit.empty()) return images;
    go_back(culprit + " is not finite");
  }
}

}  // namespace rl
