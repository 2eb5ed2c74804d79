// What one environment step gives back beside the observation.
#pragma once

namespace rl {

// Two flags, never one "done": `terminated` means the task ended and nothing follows (value 0),
// `truncated` means the episode was cut from outside (the value of the final observation counts).
// The observation written by the same call is the final observation when either flag is set.
struct StepResult {
  float reward = 0.0F;
  bool terminated = false;
  bool truncated = false;

  bool ended() const { return terminated || truncated; }
};

}  // namespace rl
