#include "learner/language/fine_tuner.h"
#include "learner/language/tuned_model.h"
#include "learner/torch_setup.h"
#include "learner/updates/device.h"
#include "rl/core/error.h"

namespace rl {
namespace {

// LibTorch is set up before the first tensor exists.
at::Device open_with_threads(const FineTuneOptions& options) {
  set_up_torch(static_cast<int>(num_threads(options)));
  return open_device(options.device);
}

}  // namespace

FineTuner::FineTuner(const FineTuneOptions& options, const FineTuneHooks& hooks)
    : options_(options),
      hooks_(hooks),
      folder_({.path = options.out,
               .resume = options.resume,
               .keep_checkpoints = options.keep_checkpoints,
               .alarm = [this](const std::string& line) { log(line); }}),
      model_folder_(language::load_model(options.model)),
      text_(read_model_text(model_folder_, options.model)),
      objective_(make_objective({options_, model_folder_, text_}, open_with_threads(options))),
      optimiser_(objective_->parameters(),
                 {.beta1 = options.beta1,
                  .beta2 = options.beta2,
                  .epsilon = options.adam_epsilon,
                  .max_gradient_norm = options.max_gradient_norm,
                  .weight_decay = options.weight_decay}),
      plan_(objective_->lengths(), options.batch_tokens, options.seed),
      schedule_({.highest = options.learning_rate,
                 .warmup_steps = options.warmup_steps,
                 .total_steps = options.steps > 0 ? options.steps : plan_.batches(options.epochs),
                 .cosine = options.schedule == "cosine"}),
      rollback_(folder_, [this](const std::string& line) { log(line); }) {}

void FineTuner::start() {
  started_ = last_checkpoint_ = last_progress_ = steady_clock().now();
  const std::vector<std::string> data = objective_->describe_data();
  log("training data: " + data.front());
  if (data.size() > 1) log("validation data: " + data[1]);
  restore();
  folder_.write_config(hooks_.config_text);
  folder_.open_metrics(state_.steps);
  samples_.emplace(folder_.path(), state_.steps);
  batches_ = plan_.epoch(state_.epoch);
  steps_at_start_ = state_.steps;
  tokens_at_start_ = state_.tokens;
}

void FineTuner::restore() {
  std::vector<std::string> warnings;
  const auto checkpoint = folder_.load(&warnings);
  for (const auto& warning : warnings) log(warning);
  if (!checkpoint) return;
  folder_.require_same_run(*checkpoint, identity());
  const FineTuneState state = fine_tune_state_from_bytes(folder_.part(*checkpoint, "run.bin"));
  load_weights(*checkpoint);
  state_ = state;
  checkpointed_steps_ = state_.steps;
  log("resumed at step " + std::to_string(state_.steps));
}

void FineTuner::load_weights(const Checkpoint& checkpoint) {
  const SafetensorsView weights(folder_.part(checkpoint, "model.safetensors"),
                                "model.safetensors");
  const SafetensorsView moments(folder_.part(checkpoint, "optimiser.safetensors"),
                                "optimiser.safetensors");
  Parameters& parameters = objective_->parameters();
  const at::Tensor values = parameters.read(weights, "");
  optimiser_.load(moments);
  parameters.values().copy_(values);
}

// The weights and moments alone: the data goes on behind the batches that did the harm.
void FineTuner::roll_back(const std::string& why) {
  load_weights(rollback_.next(state_.steps, why));
}

std::map<std::string, std::string> FineTuner::identity() const {
  std::map<std::string, std::string> facts = objective_->identity();
  facts["algorithm"] = options_.algorithm;
  facts["seed"] = std::to_string(options_.seed);
  facts["batch_tokens"] = std::to_string(options_.batch_tokens);
  facts["lora_rank"] = std::to_string(options_.lora_rank);
  return facts;
}

}  // namespace rl
