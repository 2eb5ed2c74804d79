#include "learner/language/sft_trainer.h"

#include <algorithm>
#include <cmath>

#include "learner/language/sft_evaluation.h"
#include "rl/formats/digest.h"
#include "rl/models/lora.h"

namespace rl {
namespace {

Examples pointers(const std::vector<language::TrainingExample>& examples) {
  Examples result;
  for (const auto& example : examples) result.push_back(&example);
  return result;
}

DType dtype_of(const std::string& name) {
  if (name == "bf16") return DType::bf16;
  return name == "f16" ? DType::f16 : DType::f32;
}

}  // namespace

SftSummary SftTrainer::run() {
  start();
  while (!finished() && !stop_asked()) {
    step();
    evaluate_if_due();
    checkpoint_if_due();
    report();
    if (hooks_.after_step) hooks_.after_step(state_.steps);
  }
  return finish();
}

bool SftTrainer::stop_asked() {
  interrupted_ = hooks_.stop != nullptr && *hooks_.stop != 0;
  return interrupted_;
}

Examples SftTrainer::next_batch() {
  if (state_.next_batch >= batches_.size()) {
    state_.next_batch = 0;
    batches_ = plan_.epoch(++state_.epoch);
  }
  Examples batch;
  for (const std::size_t index : batches_[state_.next_batch++]) {
    batch.push_back(&data_.training.examples[index]);
  }
  return batch;
}

void SftTrainer::step() {
  const std::size_t at_once =
      options_.micro_batch_tokens > 0 ? options_.micro_batch_tokens : options_.batch_tokens;
  const SftLoss loss = compute_gradients(model_, next_batch(), at_once);
  learning_rate_ = learning_rate_at(schedule_, state_.steps);
  const Adam::Step done = optimiser_.step(loss.value, learning_rate_);
  ++state_.steps;
  state_.tokens += loss.tokens;
  if (!done.applied) {
    log("step " + std::to_string(state_.steps) + " was not finite and left no trace");
    return;
  }
  state_.training_loss = loss.value.item<double>();
  loss_sum_ += state_.training_loss;
  gradient_norm_sum_ += done.gradient_norm;
  ++finite_steps_;
}

void SftTrainer::evaluate_if_due() {
  if (options_.evaluate_every > 0 && state_.steps % options_.evaluate_every == 0) evaluate();
}

void SftTrainer::evaluate() {
  state_.evaluated_at = state_.steps;
  const language::ModelWeights weights = model_.snapshot();
  const auto& held_out = data_.validation.examples;
  std::map<std::string, double> metrics;
  if (!held_out.empty()) {
    const HeldOutLoss loss = held_out_loss(model_, weights, pointers(held_out),
                                           options_.batch_tokens);
    state_.validation_loss = metrics["evaluation/loss"] = loss.loss;
    metrics["evaluation/perplexity"] = std::exp(loss.loss);
    state_.token_accuracy = metrics["evaluation/token_accuracy"] = loss.accuracy;
  }
  const AnswerOptions asked{.most = std::max(options_.evaluate_exact, options_.samples),
                            .max_new_tokens = options_.max_new_tokens,
                            .threads = model_.options().threads};
  const std::vector<Answer> answers =
      answer_examples(model_folder_.config, weights, text_,
                      held_out.empty() ? data_.training.examples : held_out, asked);
  const std::size_t shown = std::min(options_.samples, answers.size());
  samples_->write(state_.steps, std::span(answers).first(shown));
  const std::size_t compared = std::min(options_.evaluate_exact, answers.size());
  if (compared > 0) {
    const auto end = answers.begin() + static_cast<std::ptrdiff_t>(compared);
    const auto right = std::count_if(answers.begin(), end, [](const Answer& a) { return a.exact; });
    state_.exact_prompts = compared;
    state_.exact_match = metrics["evaluation/exact_match"] =
        static_cast<double>(right) / static_cast<double>(compared);
  }
  if (!metrics.empty()) folder_.write_metrics(state_.steps, elapsed_seconds(), metrics);
}

void SftTrainer::checkpoint_if_due() {
  if (options_.checkpoint_every <= 0.0) return;
  const std::chrono::duration<double> since = steady_clock().now() - last_checkpoint_;
  if (since.count() >= options_.checkpoint_every) checkpoint();
}

Bytes SftTrainer::weights_image() {
  StateDict weights;
  model_.parameters().put(weights, "", model_.parameters().values());
  return weights.write({});
}

void SftTrainer::checkpoint() {
  StateDict moments;
  optimiser_.put(moments);
  SftState saved = state_;
  saved.wall_seconds = elapsed_seconds();
  Checkpoint checkpoint{.number = state_.steps,
                        .parts = {{"model.safetensors", weights_image()},
                                  {"optimiser.safetensors", moments.write({})},
                                  {"run.bin", to_bytes(saved)}},
                        .facts = identity()};
  checkpoint.facts["weight_version"] = std::to_string(state_.steps);
  checkpoint.facts["weights_digest"] = to_hex(digest(checkpoint.parts["model.safetensors"]));
  folder_.save(checkpoint);
  checkpointed_steps_ = state_.steps;
  last_checkpoint_ = steady_clock().now();
}

SftSummary SftTrainer::finish() {
  if (!interrupted_ && state_.evaluated_at != state_.steps) {
    evaluate();
    checkpoint();
  } else if (state_.steps > checkpointed_steps_ || folder_.is_empty()) {
    checkpoint();
  }
  log_metrics();
  folder_.write_report();
  SftSummary summary = summarise();
  if (!interrupted_) save_results(summary);
  return summary;
}

void SftTrainer::save_results(SftSummary& summary) {
  language::ModelFolder tuned = model_folder_;
  tuned.weights = model_.snapshot();
  const std::filesystem::path model = folder_.path() / "model";
  language::save_model(model, tuned, {.dtype = dtype_of(options_.save_dtype)});
  summary.model = model.string();
  if (options_.lora_rank == 0) return;
  if (model_folder_.config.family == language::Family::gpt2) {
    log("GPT-2's files have no matrices of their own for " + options_.lora_targets.front() +
        ": there is no adapter folder, the tuned model is whole in " + summary.model);
    return;
  }
  summary.adapter = (folder_.path() / "adapter").string();
  save_adapters(summary.adapter, model_, options_.model);
}

SftSummary train_sft(const SftOptions& options, const SftHooks& hooks) {
  validate(options);
  return SftTrainer(options, hooks).run();
}

}  // namespace rl
