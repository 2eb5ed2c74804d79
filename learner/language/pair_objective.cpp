#include "learner/language/pair_objective.h"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "learner/language/tuned_model.h"

namespace rl {
namespace {

// Sums over micro-batches.
struct PairSums {
  double loss = 0.0, correct = 0.0, margin = 0.0, chosen = 0.0, rejected = 0.0;

  void add(const PairLoss& part) {
    loss += part.total.item<double>();
    correct += part.correct.item<double>();
    margin += part.margin.item<double>();
    chosen += part.chosen_reward.item<double>();
    rejected += part.rejected_reward.item<double>();
  }
};

}  // namespace

PairObjective::PairObjective(const ObjectiveParts& parts)
    : parts_(parts),
      data_(read_pair_data(parts.options, parts.text, parts.model.config.context)),
      training_(make_items(data_.training.pairs)),
      validation_(make_items(data_.validation.pairs)) {}

std::vector<std::string> PairObjective::describe_data() const {
  std::vector<std::string> lines{describe(data_.training)};
  if (!validation_.empty()) lines.push_back(describe(data_.validation));
  return lines;
}

std::vector<std::size_t> PairObjective::lengths() const {
  std::vector<std::size_t> lengths;
  for (const PairItem& item : training_) lengths.push_back(item.pair->tokens());
  return lengths;
}

std::map<std::string, std::string> PairObjective::identity() const {
  return {{"data_digest", data_.digest}, {"base_digest", digest_of(parts_.model.weights)}};
}

StepLoss PairObjective::compute_gradients(const language::ExampleBatch& batch,
                                          std::size_t micro_batch_tokens) {
  std::vector<PairItem> pairs;
  StepLoss step;
  for (const std::size_t index : batch) {
    pairs.push_back(training_[index]);
    step.tokens += pairs.back().pair->tokens();
  }
  const auto count = static_cast<double>(pairs.size());
  parameters().gradients().zero_();
  PairSums sums;
  for (const auto part : split_pairs(pairs, micro_batch_tokens)) {
    const PairLoss loss = loss_of(part, count);
    loss.total.backward();
    sums.add(loss);
    step.value = step.value.defined() ? step.value + loss.total.detach() : loss.total.detach();
  }
  step.metrics = {{"preference/accuracy", sums.correct / count},
                  {"preference/margin", sums.margin / count},
                  {"preference/chosen_reward", sums.chosen / count},
                  {"preference/rejected_reward", sums.rejected / count}};
  return step;
}

Evaluation PairObjective::evaluate() {
  const c10::NoGradGuard no_graph;
  Evaluation evaluation{.samples = samples()};
  if (validation_.empty()) return evaluation;
  const auto count = static_cast<double>(validation_.size());
  PairSums sums;
  for (const auto part : split_pairs(validation_, parts_.options.batch_tokens)) {
    sums.add(loss_of(part, count));
  }
  auto& metrics = evaluation.metrics;
  HeldOutFigures& figures = evaluation.figures;
  figures.loss = metrics["evaluation/loss"] = sums.loss;
  figures.pair_accuracy = metrics["evaluation/pair_accuracy"] = sums.correct / count;
  figures.reward_margin = metrics["evaluation/reward_margin"] = sums.margin / count;
  metrics["evaluation/chosen_reward"] = sums.chosen / count;
  metrics["evaluation/rejected_reward"] = sums.rejected / count;
  return evaluation;
}

std::span<const PairItem> PairObjective::shown() const {
  const std::vector<PairItem>& items = validation_.empty() ? training_ : validation_;
  return std::span(items).first(std::min(parts_.options.samples, items.size()));
}

}  // namespace rl
