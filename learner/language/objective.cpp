#include "learner/language/objective.h"

#include "learner/language/dpo_objective.h"
#include "learner/language/reward_objective.h"
#include "learner/language/sft_objective.h"

namespace rl {

std::unique_ptr<Objective> make_objective(const ObjectiveParts& parts, at::Device device) {
  const std::string& algorithm = parts.options.algorithm;
  if (algorithm == "dpo") return std::make_unique<DpoObjective>(parts, device);
  if (algorithm == "rm") return std::make_unique<RewardObjective>(parts, device);
  return std::make_unique<SftObjective>(parts, device);
}

}  // namespace rl
