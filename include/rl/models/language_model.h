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

// Low-rank adapters: (w + (alpha / rank) b a) x, with w frozen (Hu et al. 2021). On the CPU the
// forward pass multiplies with the merged matrix, which a generator has too. Files: lora.h.
struct LoraOptions {
  std::int64_t rank = 0;              // 0: none, all weights learn
  double alpha = 16.0;
  // Names of matrices inside the layers, as PEFT's target_modules.
  std::vector<std::string> targets{"q_proj", "v_proj"};
};

struct LanguageModelOptions {
  bool activation_checkpointing = false;  // keep the layers' inputs only, recompute the rest
  bool bf16_autocast = false;             // CUDA only: the layers' products; norms and head in f32
  bool plain_operations = false;          // LibTorch's own operations on the CPU too
  std::size_t threads = 0;                // of the kernels, both ways; 0: the machine's
  std::size_t head_chunk_tokens = 0;      // rows of logits held at once; 0: 64 MiB of them
  LoraOptions lora{};
  std::uint64_t seed = 0;                 // of the adapters' initialisation
};

struct TokenLogProbs {
  at::Tensor log_probs;  // [N] f32, differentiable
  at::Tensor entropy;    // [N] f32, no gradient
};

// A decoder-only transformer whose log-probs have gradients.
//
// On the CPU the forward pass runs the operations of rl/language/ops.h in the order of
// rl/language/transformer.h: the log-prob of a token has the same bits as when it was sampled with
// snapshot()'s weights in f32, whatever it is packed with, on any number of threads. Elsewhere, and
// with plain_operations, it runs LibTorch's operations. Gradients are those of LibTorch up to
// rounding, on the CPU with the same bits for any number of threads;
// docs/language-model-gradients.md says what is kept in memory for them. Tokens that a sequence has
// in common with the beginning of the one before it are computed once (on the CPU).
//
// Gradients are added to parameters().gradients() in place (zero them between steps): how a batch
// is split into calls changes, on the CPU, no bit but of a tied embedding when the losses share one
// divisor. A graph serves one backward pass, which must come before the weights change and while
// the model lives.
// Threads: one thread at a time.
class LanguageModel {
 public:
  // Copies the weights (frozen ones in f32 are shared). Throws Error when they are not the
  // configuration's, and for options that make no sense.
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
  // log softmax(head(hidden) * inverse)[target] of every row in f32, with inverse = 1 / temperature
  // rounded to f32. Rows with a negative target cost nothing: log-prob and entropy 0, no gradient.
  // Goes through the head in chunks of rows: logits of all tokens are never in memory together,
  // forward or backward. Throws Error for targets outside the vocabulary and temperatures that are
  // not above 0.
  TokenLogProbs token_log_probs(const at::Tensor& hidden, const at::Tensor& targets,
                                double temperature = 1.0) const;

  // The weights as they are now (adapters merged in), copied, for a generator or a file.
  language::ModelWeights snapshot() const;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace rl
