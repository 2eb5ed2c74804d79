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

void save_like(const std::filesystem::path& folder, const language::ModelFolder& start,
               const language::ModelConfig& config, language::ModelWeights weights, DType dtype) {
  language::ModelFolder trained = start;
  trained.config = config;
  trained.weights = std::move(weights);
  language::save_model(folder, trained, {.dtype = dtype});
}

std::string save_adapter_folder(const std::filesystem::path& run, const LanguageModel& model,
                                const std::string& base,
                                const std::function<void(const std::string&)>& log) {
  const LoraOptions& lora = model.options().lora;
  if (lora.rank == 0) return "";
  if (model.config().family == language::Family::gpt2) {
    if (log) {
      log("GPT-2's files have no matrices of their own for " + lora.targets.front() +
          ": there is no adapter folder, the tuned model is whole");
    }
    return "";
  }
  const std::string folder = (run / "adapter").string();
  save_adapters(folder, model, base);
  return folder;
}

void save_tuned_model(const std::filesystem::path& run, const ObjectiveParts& parts,
                      const LanguageModel& model, FineTuneSummary& summary,
                      const std::function<void(const std::string&)>& log) {
  const FineTuneOptions& options = parts.options;
  summary.model = (run / "model").string();
  save_like(summary.model, parts.model, model.config(), model.snapshot(),
            saved_dtype(options.save_dtype));
  summary.adapter = save_adapter_folder(run, model, options.model, log);
}

}  // namespace rl
