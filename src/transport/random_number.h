// Numbers that name a session or a learner: never drawn twice.
#pragma once

#include <cstdint>
#include <random>

namespace rl::transport {

// From the system's random source; never 0.
inline std::uint64_t random_number() {
  std::random_device device;
  const std::uint64_t number = (std::uint64_t{device()} << 32) | device();
  return number == 0 ? 1 : number;
}

}  // namespace rl::transport
