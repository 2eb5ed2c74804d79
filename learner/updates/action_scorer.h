// Scores taken actions under the outputs of a policy network, for the head its spec names.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "rl/algorithms/distributions.h"
#include "rl/core/spec.h"
#include "rl/policies/policy_spec.h"

namespace rl {

// Threads: immutable after construction.
class ActionScorer {
 public:
  ActionScorer(const PolicySpec& policy, const EnvironmentSpec& environment, at::Device device);

  // `actions`: i64 [N, elements] (discrete) or f32 [N, elements]; `mask`: bool [N, categories] or
  // undefined; `log_std` [elements] is read by the gaussian head alone.
  ActionEvaluation evaluate(const at::Tensor& outputs, const at::Tensor& log_std,
                            const at::Tensor& actions, const at::Tensor& mask) const;

 private:
  PolicyHead head_;
  std::vector<std::int64_t> categories_;
  SquashedRange range_;
};

}  // namespace rl
