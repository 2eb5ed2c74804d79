// The interface every environment implements.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "rl/core/bytes.h"
#include "rl/core/fields.h"
#include "rl/core/spec.h"
#include "rl/core/step.h"

namespace rl {

// One episode at a time of one task.
// Threads: an object is used by one thread at a time; different objects never share state.
// Copy `envs/cartpole.cpp` to write one; tests/support/environment_conformance.h checks it.
class Environment {
 public:
  virtual ~Environment() = default;

  // Constant for the object's life.
  virtual const EnvironmentSpec& spec() const = 0;

  // Starts an episode that depends on the seed alone, and writes its first observation.
  virtual void reset(std::uint64_t seed, Fields observation) = 0;

  // Advances one step and writes the observation that follows it (the final one when the episode
  // ended). `action` holds one row per spec().actions; continuous actions outside their bounds are
  // clipped here, discrete ones outside throw Error and change nothing. Calling step after an end
  // without a reset throws Error.
  virtual StepResult step(ConstFields action, Fields observation) = 0;

  // Everything reset() and step() depend on, so that load_state() in a fresh object continues
  // exactly. An environment that cannot do so returns nullopt: resumed runs restart its episodes.
  virtual std::optional<Bytes> save_state() const { return std::nullopt; }
  // Throws Error, leaving the object as it was, when the bytes are not this environment's.
  virtual void load_state(std::span<const std::byte> state);

  // The current state as text for a terminal; empty when there is nothing to show.
  virtual std::string render() const { return {}; }
};

}  // namespace rl
