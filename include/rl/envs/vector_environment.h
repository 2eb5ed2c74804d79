// Steps N environments of one kind, and says what happens when an episode ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/core/rng.h"
#include "rl/envs/registry.h"
#include "rl/envs/vector_batch.h"

namespace rl {

// What follows the step that ended an episode. Gymnasium's names and meanings; code written for
// one is wrong for another.
//
//            step that ended              the next step call
//   next_step  observation is the final     resets: its action is ignored, reward 0, no flags,
//              one                          is_reset, observation is the new episode's first; the
//                                           call is no transition: drop it
//   same_step  observation is the new       an ordinary step of the new episode; every call is a
//              episode's first; the final   transition
//              one is in final_observation
//   disabled   observation is the final     throws Error until reset(i); every call is a transition
//              one
enum class Autoreset : std::uint8_t { next_step, same_step, disabled };

struct VectorOptions {
  Autoreset autoreset = Autoreset::next_step;
  std::uint64_t run_seed = 0;
  RngRole role = RngRole::environment;
  std::uint64_t first_index = 0;  // of environment 0 within the run
};

struct VectorStep {
  StepResult result{};
  bool is_reset = false;  // next_step only: the call reset and made no transition
};

// Environment i's e-th episode starts from episode_seed(run_seed, role, first_index + i, e): it
// depends on neither N nor the other environments.
// Threads: calls with different i may run at the same time; all others one at a time.
class VectorEnvironment {
 public:
  // Makes n > 0 environments. Throws Error when the factory's objects differ in their spec.
  VectorEnvironment(const EnvironmentFactory& factory, std::size_t n, VectorOptions options = {});

  std::size_t size() const { return slots_.size(); }
  const EnvironmentSpec& spec() const { return spec_; }
  const VectorOptions& options() const { return options_; }
  Environment& environment(std::size_t i) { return *slots_[i].environment; }
  std::uint64_t num_episodes(std::size_t i) const { return slots_[i].episodes; }  // begun so far

  // One environment, the caller's rows. reset() begins its next episode, whatever the last one's
  // state. `final_observation` is written by same_step at an end, and may be empty otherwise.
  // Errors of the environment pass through; the slot is then as the environment is.
  void reset(std::size_t i, Fields observation);
  VectorStep step(std::size_t i, ConstFields action, Fields observation,
                  Fields final_observation = {});

  // All of them, in order of i. step() reads batch.action(i) and writes everything else.
  void reset(VectorBatch& batch);
  void step(VectorBatch& batch);

  // Environment i with its episode counter, so that a fresh object of the same options continues
  // exactly; nullopt when the environment cannot be saved. load_state() throws Error, changing
  // nothing, when the bytes are not such a state.
  std::optional<Bytes> save_state(std::size_t i) const;
  void load_state(std::size_t i, std::span<const std::byte> state);

 private:
  struct Slot {
    std::unique_ptr<Environment> environment;
    std::uint64_t episodes = 0;
    bool has_ended = false;
  };

  VectorStep after_end(std::size_t i, Fields observation);
  void check_size(const VectorBatch& batch) const;

  EnvironmentSpec spec_;
  VectorOptions options_;
  std::vector<Slot> slots_;
};

}  // namespace rl
