#include "src/policies/action_head.h"

#include <algorithm>

#include "rl/policies/distribution.h"

namespace rl {
namespace {

// Chooses, unless the choice is given, then scores what is there.
template <class Distribution, class T>
void choose(const Distribution& distribution, std::span<T> action, const HeadRow& row,
            ActMode mode) {
  if (mode == ActMode::sample) distribution.sample(*row.stream, action);
  if (mode == ActMode::greedy) distribution.mode(action);
  if (row.log_prob == nullptr) return;
  *row.log_prob = static_cast<float>(distribution.log_prob(std::span<const T>(action)));
}

}  // namespace

ActionHead::ActionHead(const PolicySpec& policy, const EnvironmentSpec& spec)
    : policy_(policy),
      dtype_(spec.actions.at(0).dtype),
      elements_(spec.actions.at(0).num_elements()) {
  const TensorSpec& action = spec.actions[0];
  for (std::size_t i = 0; i < elements_; ++i) {
    if (action.is_discrete()) {
      categories_.push_back(action.num_categories(i));
    } else {
      low_.push_back(action.low_at(i));
      high_.push_back(action.high_at(i));
    }
  }
}

void ActionHead::act(const HeadRow& row, const HeadWeights& weights, ActMode mode) const {
  switch (dtype_) {
    case DType::i32: return act_discrete<std::int32_t>(row, weights.epsilon, mode);
    case DType::i64: return act_discrete<std::int64_t>(row, weights.epsilon, mode);
    case DType::f32: return act_continuous<float>(row, weights.log_std, mode);
    default: return act_continuous<double>(row, weights.log_std, mode);
  }
}

template <class T>
void ActionHead::act_discrete(const HeadRow& row, double epsilon, ActMode mode) const {
  T* action = reinterpret_cast<T*>(row.action);
  double log_prob = 0.0;
  const auto choose_element = [&](const auto& distribution) {
    const std::int64_t choice = mode == ActMode::given    ? std::int64_t{*action}
                                : mode == ActMode::sample ? distribution.sample(*row.stream)
                                                          : distribution.mode();
    *action++ = static_cast<T>(choice);
    if (row.log_prob != nullptr) log_prob += distribution.log_prob(choice);
  };
  std::size_t offset = 0;
  for (const std::int64_t categories : categories_) {
    const auto count = static_cast<std::size_t>(categories);
    const auto outputs = row.outputs.subspan(offset, count);
    const auto mask = row.mask.empty() ? row.mask : row.mask.subspan(offset, count);
    if (policy_.head == PolicyHead::categorical) {
      choose_element(Categorical(outputs, mask));
    } else {
      choose_element(EpsilonGreedy(outputs, epsilon, mask));
    }
    offset += count;
  }
  if (row.log_prob != nullptr) *row.log_prob = static_cast<float>(log_prob);
}

template <class T>
void ActionHead::act_continuous(const HeadRow& row, std::span<const float> log_std,
                                ActMode mode) const {
  const std::span<T> action(reinterpret_cast<T*>(row.action), elements_);
  if (policy_.head == PolicyHead::gaussian) {
    return choose(DiagonalGaussian(row.outputs, log_std), action, row, mode);
  }
  const std::span<float> own_log_std = row.outputs.subspan(elements_);
  for (float& value : own_log_std) {
    value = std::clamp(value, static_cast<float>(policy_.log_std_low),
                       static_cast<float>(policy_.log_std_high));
  }
  choose(SquashedGaussian(row.outputs.first(elements_), own_log_std, low_, high_), action, row,
         mode);
}

}  // namespace rl
