#include "learner/language/sft_objective.h"

#include <algorithm>
#include <cmath>

#include "learner/language/answers.h"
#include "learner/language/held_out_loss.h"
#include "learner/language/sft_loss.h"
#include "learner/language/tuned_model.h"

namespace rl {

SftObjective::SftObjective(const ObjectiveParts& parts, at::Device device)
    : parts_(parts),
      data_(read_sft_data(parts.options, parts.text, parts.model.config.context)),
      model_(parts.model.config, parts.model.weights, device, model_options(parts.options)) {}

std::vector<std::string> SftObjective::describe_data() const {
  std::vector<std::string> lines{describe(data_.training)};
  if (!data_.validation.examples.empty()) lines.push_back(describe(data_.validation));
  return lines;
}

std::vector<std::size_t> SftObjective::lengths() const {
  std::vector<std::size_t> lengths;
  for (const auto& example : data_.training.examples) lengths.push_back(example.tokens.size());
  return lengths;
}

std::map<std::string, std::string> SftObjective::identity() const {
  std::map<std::string, std::string> facts{{"data_digest", data_.digest}};
  // What adapters belong to: they mean nothing on other weights.
  if (parts_.options.lora_rank > 0) facts["base_digest"] = digest_of(parts_.model.weights);
  return facts;
}

StepLoss SftObjective::compute_gradients(const language::ExampleBatch& batch,
                                         std::size_t micro_batch_tokens) {
  Examples examples;
  for (const std::size_t index : batch) examples.push_back(&data_.training.examples[index]);
  const SftLoss loss = rl::compute_gradients(model_, examples, micro_batch_tokens);
  return {.value = loss.value, .tokens = loss.tokens};
}

Evaluation SftObjective::evaluate() {
  const language::ModelWeights weights = model_.snapshot();
  const auto& held_out = data_.validation.examples;
  Evaluation evaluation;
  if (!held_out.empty()) {
    const HeldOutLoss loss =
        held_out_loss(model_, weights, pointers(held_out), parts_.options.batch_tokens);
    auto& metrics = evaluation.metrics;
    evaluation.figures.loss = metrics["evaluation/loss"] = loss.loss;
    metrics["evaluation/perplexity"] = std::exp(loss.loss);
    evaluation.figures.token_accuracy = metrics["evaluation/token_accuracy"] = loss.accuracy;
  }
  measure_answers(weights, evaluation);
  return evaluation;
}

void SftObjective::measure_answers(const language::ModelWeights& weights,
                                   Evaluation& evaluation) const {
  const FineTuneOptions& options = parts_.options;
  const AnswerOptions asked{.most = std::max(options.evaluate_exact, options.samples),
                            .max_new_tokens = options.max_new_tokens,
                            .threads = model_.options().threads,
                            .device = options.device};
  const auto& examples =
      data_.validation.examples.empty() ? data_.training.examples : data_.validation.examples;
  const std::vector<Answer> answers =
      answer_examples(parts_.model.config, weights, parts_.text, examples, asked);
  evaluation.samples =
      to_lines(std::span(answers).first(std::min(options.samples, answers.size())));
  const std::size_t compared = std::min(options.evaluate_exact, answers.size());
  if (compared == 0) return;
  const auto end = answers.begin() + static_cast<std::ptrdiff_t>(compared);
  const auto right = std::count_if(answers.begin(), end, [](const Answer& a) { return a.exact; });
  evaluation.figures.exact_prompts = compared;
  evaluation.figures.exact_match = evaluation.metrics["evaluation/exact_match"] =
      static_cast<double>(right) / static_cast<double>(compared);
}

void SftObjective::save(const std::filesystem::path& run, FineTuneSummary& summary,
                        const std::function<void(const std::string&)>& log) {
  save_tuned_model(run, parts_, model_, summary, log);
}

}  // namespace rl
