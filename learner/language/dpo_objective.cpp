#include "learner/language/dpo_objective.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>
#include <c10/core/GradMode.h>

#include "learner/language/answers.h"
#include "learner/language/tuned_model.h"

namespace rl {

DpoObjective::DpoObjective(const ObjectiveParts& parts, at::Device device)
    : PairObjective(parts),
      loss_{.form = parts.options.dpo_loss == "ipo" ? DpoForm::ipo : DpoForm::sigmoid,
            .beta = parts.options.beta,
            .label_smoothing = parts.options.label_smoothing},
      model_(parts.model.config, parts.model.weights, device, model_options(parts.options)) {
  ask_reference(training());
  ask_reference(validation());
}

at::Tensor DpoObjective::log_probs(const PackedPairs& packed) const {
  const PackedExamples& examples = packed.examples;
  const at::Tensor rows =
      model_.token_log_probs(model_.hidden(examples.tokens), examples.targets).log_probs;
  return at::zeros(packed.ends.sizes(), rows.options()).index_add(0, packed.sequences, rows);
}

void DpoObjective::ask_reference(std::vector<PairItem>& pairs) const {
  const c10::NoGradGuard no_graph;
  auto next = pairs.begin();
  for (const auto part : split_pairs(pairs, parts().options.batch_tokens)) {
    const at::Tensor sums = log_probs(pack_pairs(part, model_.parameters().device())).to(at::kCPU);
    const float* value = sums.const_data_ptr<float>();
    for (std::size_t i = 0; i < part.size(); ++i, ++next) {
      next->reference_chosen = *value++;
      next->reference_rejected = *value++;
    }
  }
}

PairLoss DpoObjective::loss_of(std::span<const PairItem> pairs, double divisor) {
  const at::Device device = model_.parameters().device();
  const PairSides policy = sides_of(log_probs(pack_pairs(pairs, device)));
  const auto column = [&](const auto& number_of) { return pair_column(pairs, device, number_of); };
  return dpo_loss(
      loss_,
      {.chosen = policy.chosen,
       .rejected = policy.rejected,
       .reference_chosen = column([](const PairItem& item) { return item.reference_chosen; }),
       .reference_rejected = column([](const PairItem& item) { return item.reference_rejected; }),
       .chosen_tokens =
           column([](const PairItem& item) { return item.pair->chosen.loss_tokens(); }),
       .rejected_tokens =
           column([](const PairItem& item) { return item.pair->rejected.loss_tokens(); })},
      divisor);
}

std::string DpoObjective::samples() {
  const FineTuneOptions& options = parts().options;
  if (options.samples == 0) return "";
  std::vector<language::TrainingExample> prompts;
  for (const PairItem& item : shown()) prompts.push_back(item.pair->chosen);
  const AnswerOptions asked{.most = options.samples,
                            .max_new_tokens = options.max_new_tokens,
                            .threads = model_.options().threads,
                            .device = options.device,
                            .to_compare = false};
  return to_lines(
      answer_examples(parts().model.config, model_.snapshot(), parts().text, prompts, asked));
}

void DpoObjective::save(const std::filesystem::path& run, FineTuneSummary& summary,
                        const std::function<void(const std::string&)>& log) {
  save_tuned_model(run, parts(), model_, summary, log);
}

}  // namespace rl
