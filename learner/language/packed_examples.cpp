#include "learner/language/packed_examples.h"

#include <ATen/ops/empty.h>

#include "rl/language/batch_plan.h"

namespace rl {

Examples pointers(const std::vector<language::TrainingExample>& examples) {
  Examples result;
  for (const auto& example : examples) result.push_back(&example);
  return result;
}

PackedExamples pack_examples(std::span<const language::TrainingExample* const> examples,
                             at::Device device) {
  PackedExamples packed;
  std::int64_t rows = 0;
  for (const auto* example : examples) {
    packed.tokens.lengths.push_back(static_cast<std::int64_t>(example->tokens.size()));
    packed.loss_tokens += example->loss_tokens();
    rows += packed.tokens.lengths.back();
  }
  at::Tensor tokens = at::empty({rows}, at::kLong);
  at::Tensor targets = at::empty({rows}, at::kLong);
  auto* token = tokens.mutable_data_ptr<std::int64_t>();
  auto* target = targets.mutable_data_ptr<std::int64_t>();
  for (const auto* example : examples) {
    const std::size_t length = example->tokens.size();
    for (std::size_t i = 0; i < length; ++i) {
      const bool wanted = i + 1 < length && example->loss[i + 1] != 0;
      *token++ = example->tokens[i];
      *target++ = wanted ? example->tokens[i + 1] : -1;
    }
  }
  packed.tokens.tokens = tokens.to(device);
  packed.targets = targets.to(device);
  return packed;
}

std::vector<Examples> split_examples(std::span<const language::TrainingExample* const> examples,
                                     std::size_t budget) {
  std::vector<std::size_t> lengths;
  for (const auto* example : examples) lengths.push_back(example->tokens.size());
  std::vector<Examples> parts;
  for (const auto& batch : language::pack_in_order(lengths, budget)) {
    Examples& part = parts.emplace_back();
    for (const std::size_t index : batch) part.push_back(examples[index]);
  }
  return parts;
}

}  // namespace rl
