#include "learner/language/sft_trainer.h"
#include "learner/torch_setup.h"
#include "learner/updates/device.h"
#include "rl/core/error.h"
#include "rl/formats/digest.h"
#include "rl/language/thread_team.h"

namespace rl {
namespace {

std::size_t num_threads(const SftOptions& options) {
  return options.threads > 0 ? options.threads : language::default_team_size();
}

// LibTorch is set up before the first tensor exists.
at::Device open_with_threads(const SftOptions& options) {
  set_up_torch(static_cast<int>(num_threads(options)));
  return open_device(options.device);
}

LanguageModelOptions model_options(const SftOptions& options) {
  LanguageModelOptions result;
  result.activation_checkpointing = options.activation_checkpointing;
  result.bf16_autocast = options.bf16;
  result.threads = num_threads(options);
  result.lora = {.rank = static_cast<std::int64_t>(options.lora_rank),
                 .alpha = options.lora_alpha,
                 .targets = options.lora_targets};
  result.seed = options.seed;
  return result;
}

std::vector<std::size_t> lengths_of(const language::TrainingData& data) {
  std::vector<std::size_t> lengths;
  for (const auto& example : data.examples) lengths.push_back(example.tokens.size());
  return lengths;
}

// What adapters belong to: they mean nothing on other weights.
std::string digest_of(const language::ModelWeights& weights) {
  Bytes digests;
  for (const TensorView& tensor : weights.tensors()) {
    const Digest one = digest(tensor.data);
    digests.insert(digests.end(), one.begin(), one.end());
  }
  return to_hex(digest(digests));
}

std::span<const std::byte> part(const Checkpoint& checkpoint, const char* name,
                                const std::filesystem::path& folder) {
  const auto found = checkpoint.parts.find(name);
  if (found != checkpoint.parts.end()) return found->second;
  throw Error({.where = folder.string(), .what = "the checkpoint lacks a part", .expected = name,
               .remedy = "it was not written by a fine-tuning run"});
}

void require_same_run(const std::map<std::string, std::string>& then,
                      const std::map<std::string, std::string>& now, const std::string& where) {
  for (const auto& [name, value] : now) {
    const auto found = then.find(name);
    if (found != then.end() && found->second == value) continue;
    throw Error({.where = where, .what = "the run to resume has another " + name,
                 .expected = found == then.end() ? "a recorded one" : found->second, .got = value,
                 .remedy = "resume with the options and files of the first start, or choose "
                           "another --out"});
  }
}

}  // namespace

SftTrainer::SftTrainer(const SftOptions& options, const SftHooks& hooks)
    : options_(options),
      hooks_(hooks),
      folder_({.path = options.out,
               .resume = options.resume,
               .keep_checkpoints = options.keep_checkpoints}),
      model_folder_(language::load_model(options.model)),
      text_(read_model_text(model_folder_, options.model)),
      data_(read_sft_data(options, text_, model_folder_.config.context)),
      model_(model_folder_.config, model_folder_.weights, open_with_threads(options),
             model_options(options)),
      optimiser_(model_.parameters(), {.beta1 = options.beta1,
                                       .beta2 = options.beta2,
                                       .epsilon = options.adam_epsilon,
                                       .max_gradient_norm = options.max_gradient_norm,
                                       .weight_decay = options.weight_decay}),
      plan_(lengths_of(data_.training), options.batch_tokens, options.seed),
      schedule_({.highest = options.learning_rate,
                 .warmup_steps = options.warmup_steps,
                 .total_steps = options.steps > 0 ? options.steps : plan_.batches(options.epochs),
                 .cosine = options.schedule == "cosine"}) {}

void SftTrainer::start() {
  started_ = last_checkpoint_ = last_progress_ = steady_clock().now();
  log("training data: " + describe(data_.training));
  if (!data_.validation.examples.empty()) {
    log("validation data: " + describe(data_.validation));
  }
  restore();
  folder_.write_config(hooks_.config_text);
  folder_.open_metrics(state_.steps);
  samples_.emplace(folder_.path(), state_.steps);
  batches_ = plan_.epoch(state_.epoch);
  steps_at_start_ = state_.steps;
  tokens_at_start_ = state_.tokens;
}

void SftTrainer::restore() {
  std::vector<std::string> warnings;
  const auto checkpoint = folder_.load(&warnings);
  for (const auto& warning : warnings) log(warning);
  if (!checkpoint) return;
  require_same_run(checkpoint->facts, identity(), folder_.path().string());
  const SafetensorsView weights(part(*checkpoint, "model.safetensors", folder_.path()),
                                "model.safetensors");
  const SafetensorsView moments(part(*checkpoint, "optimiser.safetensors", folder_.path()),
                                "optimiser.safetensors");
  const SftState state = sft_state_from_bytes(part(*checkpoint, "run.bin", folder_.path()));
  Parameters& parameters = model_.parameters();
  const at::Tensor values = parameters.read(weights, "");
  optimiser_.load(moments);
  parameters.values().copy_(values);
  state_ = state;
  checkpointed_steps_ = state_.steps;
  log("resumed at step " + std::to_string(state_.steps));
}

std::map<std::string, std::string> SftTrainer::identity() const {
  std::map<std::string, std::string> facts{
      {"algorithm", options_.algorithm},
      {"seed", std::to_string(options_.seed)},
      {"batch_tokens", std::to_string(options_.batch_tokens)},
      {"data_digest", data_.digest},
      {"lora_rank", std::to_string(options_.lora_rank)}};
  if (options_.lora_rank > 0) facts["base_digest"] = digest_of(model_folder_.weights);
  return facts;
}

}  // namespace rl
