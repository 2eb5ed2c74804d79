#include "learner/updates/fragment_batch.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "learner/updates/columns.h"

namespace rl {
namespace {

std::size_t total_elements(const std::vector<TensorSpec>& tensors) {
  std::size_t total = 0;
  for (const TensorSpec& tensor : tensors) {
    if (tensor.name != kActionMaskName) total += tensor.num_elements();
  }
  return total;
}

std::size_t mask_categories(const EnvironmentSpec& environment) {
  const int index = find(environment.observations, kActionMaskName);
  return index < 0 ? 0 : environment.observations[static_cast<std::size_t>(index)].num_elements();
}

void copy_observations(const Fragment& fragment, const EnvironmentSpec& environment,
                       std::size_t first_row, std::size_t final_row, FragmentBatch& batch) {
  const std::size_t steps = fragment.num_steps();
  std::size_t offset = 0;
  for (const TensorSpec& tensor : environment.observations) {
    const std::size_t column =
        fragment.schema().require(std::string(kObservationPrefix) + tensor.name);
    const std::size_t width = tensor.num_elements();
    if (tensor.name == kActionMaskName) {
      copy_rows(tensor, fragment.row(column, 0),
                Rows<std::uint8_t>{batch.masks.data() + first_row * width, width, steps, width});
      continue;
    }
    float* base = batch.observations.data() + offset;
    copy_rows(tensor, fragment.row(column, 0),
              Rows<float>{base + first_row * batch.num_inputs, batch.num_inputs, steps, width});
    copy_rows(tensor, fragment.row(column, steps),
              Rows<float>{base + final_row * batch.num_inputs, batch.num_inputs, 1, width});
    offset += width;
  }
}

void copy_actions(const Fragment& fragment, const EnvironmentSpec& environment,
                  std::size_t first_row, FragmentBatch& batch) {
  const std::size_t stride = total_elements(environment.actions);
  std::size_t offset = first_row * stride;
  for (const TensorSpec& tensor : environment.actions) {
    const std::size_t column = fragment.schema().require(std::string(kActionPrefix) + tensor.name);
    const std::byte* source = fragment.row(column, 0);
    const std::size_t width = tensor.num_elements();
    if (tensor.is_discrete()) {
      copy_rows(tensor, source,
                Rows<std::int64_t>{batch.discrete.data() + offset, stride, fragment.num_steps(),
                                   width});
    } else {
      copy_rows(tensor, source,
                Rows<float>{batch.continuous.data() + offset, stride, fragment.num_steps(), width});
    }
    offset += width;
  }
}

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(),
                     [](float value) { return std::isfinite(value); });
}

}  // namespace

FragmentBatch gather_fragments(std::span<const FragmentPtr> fragments,
                               const EnvironmentSpec& environment) {
  FragmentBatch batch;
  std::size_t num_steps = 0;
  for (const FragmentPtr& fragment : fragments) num_steps += fragment->num_steps();
  batch.num_inputs = total_elements(environment.observations);
  batch.observations.resize((num_steps + fragments.size()) * batch.num_inputs);
  batch.masks.resize(num_steps * mask_categories(environment));
  const std::size_t actions = num_steps * total_elements(environment.actions);
  const bool discrete = environment.actions.front().is_discrete();
  (discrete ? batch.discrete.resize(actions) : batch.continuous.resize(actions));
  std::size_t first = 0;
  for (std::size_t f = 0; f < fragments.size(); ++f) {
    const Fragment& fragment = *fragments[f];
    copy_observations(fragment, environment, first, num_steps + f, batch);
    copy_actions(fragment, environment, first, batch);
    const auto rewards = fragment.column<float>(fragment.schema().require(kRewardColumn));
    const auto log_probs = fragment.column<float>(fragment.schema().require(kLogProbColumn));
    batch.rewards.insert(batch.rewards.end(), rewards.begin(), rewards.end());
    batch.log_probs.insert(batch.log_probs.end(), log_probs.begin(), log_probs.end());
    batch.first_steps.push_back(first);
    batch.ends.push_back(fragment.header().end);
    batch.environments.push_back(fragment.header().environment);
    first += fragment.num_steps();
  }
  batch.first_steps.push_back(num_steps);
  return batch;
}

bool is_finite(const FragmentBatch& batch) {
  return all_finite(batch.observations) && all_finite(batch.continuous) &&
         all_finite(batch.rewards) && all_finite(batch.log_probs);
}

}  // namespace rl
