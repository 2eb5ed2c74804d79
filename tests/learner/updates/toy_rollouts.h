// Experience of a toy environment for tests of the algorithms: random observations, episodes of a
// fixed length, and a reward that a test chooses.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "rl/core/fragment.h"
#include "rl/learner/algorithm.h"
#include "rl/policies/policy.h"

namespace rl::tests {

struct Toy {
  EnvironmentSpec spec;
  std::size_t num_environments = 4;
  std::size_t steps = 32;           // of every environment per round
  std::int64_t episode_steps = 8;   // a fragment is one episode, or its beginning at a round's end
  FragmentEnd end = FragmentEnd::terminated;
  std::function<float(const float* observation, const std::byte* action)> reward;
};

inline EnvironmentSpec toy_spec(TensorSpec action, bool masked = false) {
  EnvironmentSpec spec{.name = "Toy-v0"};
  spec.observations = {{.name = "state", .shape = {2}, .low = {-1.0}, .high = {1.0}}};
  if (masked) {
    std::int64_t categories = 0;
    for (std::size_t e = 0; e < action.num_elements(); ++e) {
      categories += action.num_categories(e);
    }
    spec.observations.push_back({.name = std::string(kActionMaskName), .dtype = DType::u8,
                                 .shape = {categories}, .low = {0.0}, .high = {1.0}});
  }
  spec.actions = {std::move(action)};
  return spec;
}

inline TensorSpec discrete_action(std::vector<double> high, Shape shape = {}) {
  return {.name = "action", .dtype = DType::i64, .shape = std::move(shape), .low = {0.0},
          .high = std::move(high)};
}

inline TensorSpec continuous_action(double bound, Shape shape = {2}) {
  return {.name = "action", .dtype = DType::f32, .shape = std::move(shape), .low = {-bound},
          .high = {bound}};
}

// One fragment of `steps` steps acted by `policy`. Odd categories of a mask are forbidden at odd
// steps.
inline FragmentPtr toy_fragment(const Toy& toy, Policy& policy, RngStream& stream,
                                std::size_t steps) {
  const auto schema = std::make_shared<const FragmentSchema>(make_schema(toy.spec));
  auto fragment = std::make_shared<Fragment>(schema, steps);
  const bool masked = toy.spec.observations.size() > 1;
  const std::size_t action_column = toy.spec.observations.size();
  for (std::size_t t = 0; t <= steps; ++t) {
    auto* state = reinterpret_cast<float*>(fragment->row(0, t));
    for (int i = 0; i < 2; ++i) state[i] = static_cast<float>(stream.uniform(-1.0, 1.0));
    if (masked) {
      auto* mask = reinterpret_cast<std::uint8_t*>(fragment->row(1, t));
      for (std::size_t i = 0; i < toy.spec.observations[1].num_elements(); ++i) {
        mask[i] = t % 2 == 1 && i % 2 == 1 ? 0 : 1;
      }
    }
    if (t == steps) break;
    std::vector<const std::byte*> seen;
    for (std::size_t c = 0; c < action_column; ++c) seen.push_back(fragment->row(c, t));
    std::vector<std::byte*> chosen{fragment->row(action_column, t)};
    ActRow row{ConstFields(seen), Fields(chosen),
               reinterpret_cast<float*>(fragment->row(action_column + 2, t)), &stream};
    policy.act({&row, 1}, ActMode::sample);
    *reinterpret_cast<float*>(fragment->row(action_column + 1, t)) = toy.reward(state, chosen[0]);
    *reinterpret_cast<std::int64_t*>(fragment->row(action_column + 3, t)) =
        static_cast<std::int64_t>(policy.version());
  }
  return fragment;
}

// One lockstep round with the algorithm's present weights, in order of environment and sequence.
inline std::vector<FragmentPtr> toy_round(const Toy& toy, const Algorithm& algorithm,
                                          const TrainingProgress& progress, std::uint64_t seed) {
  const WeightSnapshot snapshot{
      .run_id = 1, .version = std::max<std::uint64_t>(1, progress.weight_version),
      .image = std::make_shared<const Bytes>(algorithm.weights_image(progress))};
  const auto policy = make_policy(toy.spec, snapshot);
  std::vector<FragmentPtr> fragments;
  for (std::size_t e = 0; e < toy.num_environments; ++e) {
    RngStream stream(seed, RngRole::test, e);
    std::uint64_t sequence = 0;
    for (std::size_t done = 0; done < toy.steps;) {
      const std::size_t length =
          std::min(static_cast<std::size_t>(toy.episode_steps), toy.steps - done);
      auto fragment = std::const_pointer_cast<Fragment>(toy_fragment(toy, *policy, stream, length));
      done += length;
      fragment->header().environment = e;
      fragment->header().sequence = sequence++;
      const bool whole = length == static_cast<std::size_t>(toy.episode_steps);
      fragment->header().end = whole ? toy.end : FragmentEnd::running;
      fragments.push_back(std::move(fragment));
    }
  }
  return fragments;
}

inline void insert_all(replay::Table& table, const std::vector<FragmentPtr>& fragments) {
  for (const FragmentPtr& fragment : fragments) {
    if (!table.insert(fragment, std::chrono::milliseconds(0))) throw std::runtime_error("refused");
  }
}

}  // namespace rl::tests
