#include "learner/language/tuned_model.h"

#include "rl/formats/digest_list.h"
#include "rl/language/thread_team.h"
#include "rl/models/lora.h"

namespace rl {

std::size_t num_threads(const FineTuneOptions& options) {
  return options.threads > 0 ? options.threads : language::default_team_size();
}

LanguageModelOptions model_options(const FineTuneOptions& options) {
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

std::string digest_of(const language::ModelWeights& weights) {
  DigestList digests;
  for (const TensorView& tensor : weights.tensors()) digests.add(tensor.data);
  return digests.to_hex();
}

DType saved_dtype(const std::string& name) {
  if (name == "bf16") return DType::bf16;
  return name == "f16" ? DType::f16 : DType::f32;
}

void save_tuned_model(const std::filesystem::path& run, const ObjectiveParts& parts,
                      const LanguageModel& model, FineTuneSummary& summary,
                      const std::function<void(const std::string&)>& log) {
  language::ModelFolder tuned = parts.model;
  tuned.weights = model.snapshot();
  const FineTuneOptions& options = parts.options;
  language::save_model(run / "model", tuned, {.dtype = saved_dtype(options.save_dtype)});
  summary.model = (run / "model").string();
  if (options.lora_rank == 0) return;
  if (parts.model.config.family == language::Family::gpt2) {
    log("GPT-2's files have no matrices of their own for " + options.lora_targets.front() +
        ": there is no adapter folder, the tuned model is whole in " + summary.model);
    return;
  }
  summary.adapter = (run / "adapter").string();
  save_adapters(summary.adapter, model, options.model);
}

}  // namespace rl
