// What a run's metrics are computed with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <vector>

#include "rl/transport/learner_endpoint.h"

namespace rl {

// Threads: a plain value.
struct MetricMean {
  double sum = 0.0;
  std::size_t count = 0;

  void add(double value) {
    sum += value;
    ++count;
  }
  double value() const { return sum / static_cast<double>(count); }  // NaN: of nothing
};

// The share of their time that workers wait for weights or credit.
// Threads: one thread at a time.
class WorkerIdleness {
 public:
  // Since the last call, over all workers, as their heartbeats told; without a heartbeat since, what
  // it was before. NaN: nothing is known yet.
  double share(const std::vector<transport::WorkerStatus>& workers);

 private:
  struct Times {
    Nanoseconds alive{};
    Nanoseconds waited{};
  };
  std::map<std::uint64_t, Times> known_;  // by worker
  double share_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace rl
