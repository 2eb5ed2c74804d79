#include "learner/updates/action_scorer.h"

#include <ATen/ops/tensor.h>

#include "rl/core/error.h"

namespace rl {

ActionScorer::ActionScorer(const PolicySpec& policy, const EnvironmentSpec& environment,
                       at::Device device)
    : head_(policy.head) {
  validate(policy, environment);
  range_.log_std_low = policy.log_std_low;
  range_.log_std_high = policy.log_std_high;
  std::vector<double> low;
  std::vector<double> high;
  for (const TensorSpec& action : environment.actions) {
    for (std::size_t e = 0; e < action.num_elements(); ++e) {
      if (action.is_discrete()) categories_.push_back(action.num_categories(e));
      low.push_back(action.low_at(e));
      high.push_back(action.high_at(e));
    }
  }
  const auto options = at::TensorOptions(at::kDouble).device(device);
  range_.low = at::tensor(low, options);
  range_.high = at::tensor(high, options);
}

ActionEvaluation ActionScorer::evaluate(const at::Tensor& outputs, const at::Tensor& log_std,
                                      const at::Tensor& actions, const at::Tensor& mask) const {
  switch (head_) {
    case PolicyHead::categorical:
      return evaluate_categorical(outputs, actions, categories_, mask);
    case PolicyHead::gaussian:
      return evaluate_gaussian(outputs, log_std, actions);
    case PolicyHead::squashed_gaussian:
      return evaluate_squashed_gaussian(outputs, actions, range_);
    case PolicyHead::q_values:
      break;
  }
  throw Error({.where = "ActionScorer", .what = "the head has no action probabilities",
               .expected = "categorical, gaussian or squashed_gaussian", .got = "q_values"});
}

}  // namespace rl
