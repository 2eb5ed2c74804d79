// Samples continuations of token sequences from a language model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rl/core/rng.h"
#include "rl/language/model_config.h"
#include "rl/language/model_weights.h"

namespace rl::language {

using TokenId = std::int32_t;

// Applied in this order: temperature, then each filter to what the one before it left.
struct SamplingOptions {
  float temperature = 1.0F;    // 0: the most likely token (the lowest id among equals)
  std::size_t top_k = 0;       // keep the k most likely; 0: all
  float top_p = 1.0F;          // then the fewest whose probability reaches p; in (0, 1]
  float min_p = 0.0F;          // then those with at least min_p times the highest probability
};

struct GenerationRequest {
  std::uint64_t id = 0;                    // the caller's; not used by another unfinished request
  std::vector<TokenId> prompt{};           // at least one token
  std::size_t num_samples = 1;             // they share the prompt's one prefill
  std::size_t max_new_tokens = 128;
  SamplingOptions sampling{};
  std::vector<TokenId> stop_ids{};         // the stop token is part of the result
  // Draws of sample i come from RngStream(seed, RngRole::generation, stream + i): a sequence
  // depends on nothing else in the batch.
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};

enum class FinishReason : std::uint8_t {
  stop,        // a stop id was sampled
  length,      // max_new_tokens
  context,     // every position is used: the model's, or all that the cache has pages for
  cancelled,   // by the caller, who knows: no step reports it
};

// One sampled token, as it happens.
struct GeneratedToken {
  std::uint64_t request = 0;
  std::size_t sample = 0;
  TokenId token = 0;
  // Of the distribution it was drawn from: temperature and filters. Equals policy_log_prob when
  // the filters removed nothing; 0 when the temperature is 0.
  float log_prob = 0.0F;
  // Temperature alone: what the learner computes, bit for bit. Of temperature 1 when it is 0.
  float policy_log_prob = 0.0F;
  std::uint64_t weight_version = 0;
  bool last = false;
  FinishReason reason = FinishReason::stop;  // when last
};

struct GeneratorOptions {
  std::size_t page_size = 16;              // positions per page of the key and value cache
  // Most pages; memory is taken as they are used. 0: enough for max_sequences of the whole context.
  std::size_t cache_pages = 0;
  std::size_t max_sequences = 64;          // decoded together; more requests wait in order
  std::size_t prefill_tokens = 512;        // of prompts per step; longer prompts take several
  std::size_t threads = 0;                 // 0: the machine's
};

// Continuous batching over a paged cache: requests enter and leave between steps. A sequence's
// tokens and log-probs depend on its request, its weights and nothing else: not on what shares the
// batch, the threads, the page size, or the CPU.
// Threads: one thread at a time.
class TextGenerator {
 public:
  virtual ~TextGenerator() = default;

  // Throws Error (and takes nothing) for an empty prompt, ids outside the vocabulary, a prompt that
  // leaves no position for a token, an id that is in use, or options out of range.
  virtual void submit(GenerationRequest request) = 0;
  // Nothing more is returned of the request, or of one of its samples. Unknown: nothing happens.
  virtual void cancel(std::uint64_t request) = 0;
  virtual void cancel(std::uint64_t request, std::size_t sample) = 0;
  // One forward pass: a token of every running sequence and up to prefill_tokens of prompts.
  // Returns the tokens that were sampled, ordered by request's arrival and sample; none while
  // prompts that take several steps are read, and when idle. Out of pages, the newest sequence
  // waits and is recomputed. Throws Error when logits are not finite; nothing is lost then, and
  // set_weights may repair it.
  virtual std::vector<GeneratedToken> step() = 0;
  virtual bool idle() const = 0;

  // Takes effect with the next step: running sequences go on from their cache (which older weights
  // filled; one that had to be recomputed since is filled by the new ones), later tokens carry the
  // new version. Throws Error, and keeps the old ones, when they do not fit the model.
  virtual void set_weights(const ModelWeights& weights, std::uint64_t version) = 0;
  virtual const ModelConfig& config() const = 0;
};

// The CPU engine (kernel contract: rl/language/ops.h). Throws Error for options out of range.
std::unique_ptr<TextGenerator> make_cpu_generator(const ModelConfig& config,
                                                  const ModelWeights& weights,
                                                  std::uint64_t version,
                                                  const GeneratorOptions& options);

// Makes a generator as make_cpu_generator does. Threads: any.
using GeneratorFactory = std::function<std::unique_ptr<TextGenerator>(
    const ModelConfig& config, const ModelWeights& weights, std::uint64_t version,
    const GeneratorOptions& options)>;

void validate(const SamplingOptions& options);  // throws Error naming the option

}  // namespace rl::language
