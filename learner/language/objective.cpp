#include "learner/language/objective.h"

#include "learner/language/sft_objective.h"

namespace rl {

std::unique_ptr<Objective> make_objective(const ObjectiveParts& parts, at::Device device) {
  return std::make_unique<SftObjective>(parts, device);
}

}  // namespace rl
