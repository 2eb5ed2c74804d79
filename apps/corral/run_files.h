// What a training run leaves behind, for the commands that look at it.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "rl/formats/weight_snapshot.h"

namespace rl::app {

struct TrainedWeights {
  WeightSnapshot snapshot;
  std::string environment;
  std::string environment_steps;  // of the run (rounds of texts) when they were saved
  std::map<std::string, std::string> facts{};  // of the checkpoint
};

// The weights of <run>/best or, for `last` and for runs that were never evaluated, of the newest
// whole checkpoint in <run>/checkpoints. Damaged checkpoints passed over are named on stderr.
// Throws Error when there is no run or nothing whole in it.
TrainedWeights load_trained_weights(const std::filesystem::path& run, const std::string& which);

}  // namespace rl::app
