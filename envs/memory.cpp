#include "envs/memory.h"

namespace rl {

EnvironmentSpec Memory::spec() const {
  return {.name = "Memory",
          .observations = {{.name = "signal", .shape = {3}, .low = {0}, .high = {1}}},
          .actions = {{.name = "answer", .dtype = DType::i64, .low = {0}, .high = {1}}},
          .max_episode_steps = kDelay + 2,
          .reward_low = -1.0,
          .reward_high = 1.0};
}

Memory::State Memory::start(RngStream& stream) const {
  return {.cue = static_cast<std::int64_t>(stream.below(2)), .step = 0};
}

TaskStep Memory::step(State& state, std::span<const Action> action, RngStream&) const {
  const bool is_question = state.step == kDelay + 1;
  if (is_question) return {.reward = action[0] == state.cue ? 1.0 : -1.0, .terminated = true};
  ++state.step;
  return {.reward = 0.0, .terminated = false};
}

void Memory::observe(const State& state, Fields rows) const {
  float* signal = rows.as<float>(0);
  signal[0] = state.step == 0 && state.cue == 0 ? 1.0F : 0.0F;
  signal[1] = state.step == 0 && state.cue == 1 ? 1.0F : 0.0F;
  signal[2] = state.step == kDelay + 1 ? 1.0F : 0.0F;
}

bool Memory::is_possible(const State& state) const {
  return (state.cue == 0 || state.cue == 1) && state.step >= 0 && state.step <= kDelay + 1;
}

std::string Memory::render(const State& state) const {
  if (state.step == 0) return "the cue is " + std::to_string(state.cue) + "\n";
  if (state.step == kDelay + 1) return "which cue was it?\n";
  return std::string(static_cast<std::size_t>(state.step), '.') + "\n";
}

}  // namespace rl
