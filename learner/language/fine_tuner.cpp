#include "learner/language/fine_tuner.h"

#include "rl/formats/digest.h"

namespace rl {

FineTuneSummary FineTuner::run() {
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

bool FineTuner::stop_asked() {
  interrupted_ = hooks_.stop != nullptr && *hooks_.stop != 0;
  return interrupted_;
}

const language::ExampleBatch& FineTuner::next_batch() {
  if (state_.next_batch >= batches_.size()) {
    state_.next_batch = 0;
    batches_ = plan_.epoch(++state_.epoch);
  }
  return batches_[state_.next_batch++];
}

void FineTuner::step() {
  const std::size_t at_once =
      options_.micro_batch_tokens > 0 ? options_.micro_batch_tokens : options_.batch_tokens;
  const StepLoss loss = objective_->compute_gradients(next_batch(), at_once);
  learning_rate_ = learning_rate_at(schedule_, state_.steps);
  const Adam::Step done = optimiser_.step(loss.value, learning_rate_);
  ++state_.steps;
  state_.tokens += loss.tokens;
  const bool hopeless = rollback_.is_due(done.applied ? 1 : 0, done.applied ? 0 : 1);
  if (!done.applied) {
    log("step " + std::to_string(state_.steps) + " was not finite and left no trace");
    if (hopeless) roll_back("too many of the last steps were not finite");
    return;
  }
  state_.training_loss = loss.value.item<double>();
  sums_["loss"] += state_.training_loss;
  sums_["gradient_norm"] += done.gradient_norm;
  for (const auto& [name, value] : loss.metrics) sums_[name] += value;
  ++finite_steps_;
}

void FineTuner::evaluate_if_due() {
  if (options_.evaluate_every > 0 && state_.steps % options_.evaluate_every == 0) evaluate();
}

void FineTuner::evaluate() {
  const Evaluation evaluation = objective_->evaluate();
  state_.evaluated_at = state_.steps;
  state_.held_out = evaluation.figures;
  folder_.attempt("samples.jsonl",
                  [&] { samples_->write(state_.steps, evaluation.samples); });
  if (evaluation.metrics.empty()) return;
  folder_.try_write_metrics(state_.steps, elapsed_seconds(), evaluation.metrics);
}

void FineTuner::checkpoint_if_due() {
  if (options_.checkpoint_every <= 0.0) return;
  const std::chrono::duration<double> since = steady_clock().now() - last_checkpoint_;
  if (since.count() < options_.checkpoint_every) return;
  if (folder_.try_save(make_checkpoint())) checkpointed_steps_ = state_.steps;
  last_checkpoint_ = steady_clock().now();
}

Bytes FineTuner::weights_image() {
  StateDict weights;
  const Parameters& parameters = objective_->parameters();
  parameters.put(weights, "", parameters.values());
  return weights.write({});
}

Bytes FineTuner::optimiser_image() {
  StateDict moments;
  optimiser_.put(moments);
  return moments.write({});
}

Checkpoint FineTuner::make_checkpoint() {
  const auto [weights, optimiser] =
      until_finite([&] { return std::array{weights_image(), optimiser_image()}; },
                   [&](const std::string& why) { roll_back(why); });
  FineTuneState saved = state_;
  saved.wall_seconds = elapsed_seconds();
  Checkpoint checkpoint{.number = state_.steps,
                        .parts = {{"model.safetensors", weights},
                                  {"optimiser.safetensors", optimiser},
                                  {"run.bin", to_bytes(saved)}},
                        .facts = identity()};
  checkpoint.facts["weight_version"] = std::to_string(state_.steps);
  checkpoint.facts["weights_digest"] = to_hex(digest(weights));
  return checkpoint;
}

FineTuneSummary FineTuner::finish() {
  const bool evaluates = !interrupted_ && state_.evaluated_at != state_.steps;
  if (evaluates) evaluate();
  if (evaluates || state_.steps > checkpointed_steps_ || folder_.is_empty()) {
    folder_.save_last(make_checkpoint(), checkpointed_steps_);
  }
  log_metrics();
  folder_.try_write_report();
  FineTuneSummary summary = summarise();
  if (!interrupted_) {
    objective_->save(folder_.path(), summary, [this](const std::string& line) { log(line); });
  }
  return summary;
}

FineTuneSummary fine_tune(const FineTuneOptions& options, const FineTuneHooks& hooks) {
  validate(options);
  return FineTuner(options, hooks).run();
}

}  // namespace rl
