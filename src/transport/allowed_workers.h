// Whose keys are let in: those given, and those in a folder that may change while a run goes on.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "rl/core/clock.h"
#include "rl/transport/options.h"

namespace rl::transport {

// Threads: one at a time.
class AllowedWorkers {
 public:
  // Throws Error when the folder cannot be read.
  explicit AllowedWorkers(const LearnerOptions& options);

  bool contains(std::string_view key) const;
  // Looks into the folder again, when it is time to; the keys that are not there any more. When
  // it cannot be read, for instance because a file in it is half written, all stays as it was.
  std::vector<std::string> refresh(Nanoseconds now);

 private:
  std::vector<std::string> given_;
  std::filesystem::path folder_;
  std::vector<std::string> found_{};  // sorted
  Nanoseconds next_{};
};

}  // namespace rl::transport
