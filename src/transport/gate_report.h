// What a gate tells of those it closed the door on.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "rl/transport/learner_endpoint.h"

namespace rl::transport {

struct Incident {
  Rejection reason{};
  std::string source{};  // the address it came from
  std::string key{};     // the one it had proved; empty before it was let in
};

struct GateReport {
  std::uint64_t let_in = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(Rejection::count_)> rejected{};
  std::vector<Incident> incidents{};  // those who had a key, and one of the others; at most 64
};

}  // namespace rl::transport
