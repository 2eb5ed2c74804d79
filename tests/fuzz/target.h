// What a fuzz target is: a function that takes any bytes. An answer is as good as an rl::Error;
// another exception, a broken requirement or a sanitizer's report is a finding. See README.md.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/core/error.h"

namespace rl::fuzz {

using Input = std::span<const std::byte>;

struct Target {
  std::string_view name;  // of its corpus folder too
  void (*run)(Input);
};

// All targets that are linked in, by name.
std::vector<Target> targets();

struct Registration {
  explicit Registration(Target target);
};

// Ends the process with the broken requirement.
void require(bool holds, const char* requirement);

inline std::string_view as_text(Input input) {
  return {reinterpret_cast<const char*>(input.data()), input.size()};
}

// Calls `run` and passes over an Error; false when there was one.
template <class Run>
bool answers(const Run& run) {
  try {
    run();
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace rl::fuzz

// RL_FUZZ_TARGET(name) { ... uses `input` ... }
#define RL_FUZZ_TARGET(name)                                                   \
  static void run_##name(rl::fuzz::Input input);                               \
  static const rl::fuzz::Registration registration_##name({#name, run_##name}); \
  static void run_##name(rl::fuzz::Input input)
