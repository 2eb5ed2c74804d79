// Fragments for replay tests, of a schema like CartPole's.
#pragma once

#include <memory>
#include <utility>

#include "rl/core/fragment.h"

namespace rl::replay::test {

inline EnvironmentSpec spec() {
  return {.name = "four numbers",
          .observations = {{.name = "state", .shape = {4}}},
          .actions = {{.name = "push", .dtype = DType::i64, .low = {0}, .high = {1}}}};
}

inline std::shared_ptr<const FragmentSchema> schema() {
  static const auto shared = std::make_shared<const FragmentSchema>(make_schema(spec()));
  return shared;
}

// Row t of the observations is {number, t, 10 t, 100 t}, reward t is number + t / 16, action t % 2.
inline FragmentPtr fragment(std::size_t num_steps, std::uint64_t number = 0,
                            FragmentEnd end = FragmentEnd::running) {
  Fragment made(schema(), num_steps);
  made.header().sequence = number;
  made.header().end = end;
  const auto state = made.column<float>(schema()->require("observation.state"));
  for (std::size_t t = 0; t <= num_steps; ++t) {
    state[4 * t] = static_cast<float>(number);
    for (std::size_t i = 1; i < 4; ++i) {
      constexpr float kScale[] = {0.0F, 1.0F, 10.0F, 100.0F};
      state[4 * t + i] = kScale[i] * static_cast<float>(t);
    }
  }
  for (std::size_t t = 0; t < num_steps; ++t) {
    made.column<std::int64_t>(schema()->require("action.push"))[t] =
        static_cast<std::int64_t>(t % 2);
    made.column<float>(schema()->require(kRewardColumn))[t] =
        static_cast<float>(number) + static_cast<float>(t) / 16.0F;
  }
  return std::make_shared<const Fragment>(std::move(made));
}

}  // namespace rl::replay::test
