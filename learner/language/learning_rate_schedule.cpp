#include "learner/language/learning_rate_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace rl {

double learning_rate_at(const LearningRateSchedule& schedule, std::uint64_t step) {
  if (step < schedule.warmup_steps) {
    return schedule.highest * static_cast<double>(step + 1) /
           static_cast<double>(schedule.warmup_steps);
  }
  if (!schedule.cosine) return schedule.highest;
  const std::uint64_t end = std::max(schedule.total_steps, schedule.warmup_steps + 1);
  const double share = static_cast<double>(std::min(step, end) - schedule.warmup_steps) /
                       static_cast<double>(end - schedule.warmup_steps);
  return schedule.highest / 2.0 * (1.0 + std::cos(std::numbers::pi * share));
}

}  // namespace rl
