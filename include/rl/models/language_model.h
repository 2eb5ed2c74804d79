// A language model that learns: the forward pass of rl/language with gradients.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rl/language/model_config.h"
#include "rl/language/model_weights.h"
#include "rl/models/parameters.h"

namespace rl {

// Sequences laid end to end, without padding; none sees another.
struct PackedTokens {
  at::Tensor tokens;                  // [N] i64, on the model's device
  std::vector<std::int64_t> lengths;  // of the sequences; they sum to N
};

// Low-rank adapters: w x + (alpha / rank) b a x, with w frozen (Hu et al. 2021).
struct LoraOptions {
  std::int64_t rank = 0;              // 0: none, all weights learn
  double alpha = 16.0;
  std::vector<std::string> targets{"q_proj", "v_proj"};  // module names, as PEFT's target_modules
};

struct LanguageModelOptions {
  bool activation_checkpointing = false;  // keep the layers' inputs only, recompute the rest
  bool bf16_autocast = false;             // CUDA only
  bool plain_operations = false;          // LibTorch's own operations on the CPU too
  std::size_t threads = 0;                // of the CPU kernels; 0: the machine's
  std::size_t head_chunk_tokens = 0;      // rows of logits held at once; 0: chosen by size
  LoraOptions lora{};
  std::uint64_t seed = 0;                 // of the adapters' initialisation
};

struct TokenLogProbs {
  at::Tensor log_probs;  // [N] f32, differentiable
  at::Tensor entropy;    // [N] f32, no gradient
};

// On the CPU in f32 the forward pass runs the operations of rl/language/ops.h, so that the log-prob
// of a token has the same bits as when it was sampled; elsewhere LibTorch's operations.
// Gradients accumulate into parameters().gradients() (zero them between steps).
// Threads: one thread at a time.
class LanguageModel {
 public:
  LanguageModel(const language::ModelConfig& config, const language::ModelWeights& weights,
                at::Device device, const LanguageModelOptions& options);
  ~LanguageModel();

  // What learns: all weights under the names of model_parameters, or the adapters.
  Parameters& parameters();
  const Parameters& parameters() const;
  const language::ModelConfig& config() const;
  const LanguageModelOptions& options() const;

  // [N, hidden] behind the final norm. Throws Error for sequences longer than the context or ids
  // outside the vocabulary.
  at::Tensor hidden(const PackedTokens& batch) const;
  // log softmax(head(hidden) / temperature)[target] of every row, through the head in chunks of
  // rows: logits of all tokens are never in memory together, forward or backward.
  TokenLogProbs token_log_probs(const at::Tensor& hidden, const at::Tensor& targets,
                                double temperature = 1.0) const;

  // The weights as they are now (adapters merged in), copied, for a generator or a file.
  language::ModelWeights snapshot() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace rl
