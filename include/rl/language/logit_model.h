// What a text generator needs of a model: another forward pass than rl/language/transformer.h's can
// be put under the same scheduling, cache and sampling.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "rl/language/model_config.h"
#include "rl/language/model_weights.h"
#include "rl/language/ops.h"
#include "rl/language/text_generator.h"
#include "rl/language/thread_team.h"
#include "rl/language/transformer.h"

namespace rl::language {

// What one page holds: for every layer keys and values, [positions, row] floats each.
struct PageShape {
  std::size_t layers = 0;
  std::size_t positions = 0;  // per page
  std::size_t row = 0;        // key_value_heads * head_dim

  std::size_t floats() const { return 2 * layers * positions * row; }
};

// Throws Error naming the option when a page would be empty or its size overflow.
PageShape page_shape(const ModelConfig& config, std::size_t page_size);

using PageId = std::uint32_t;

// Where the pages of a cache are. Threads: one thread at a time.
class PageMemory {
 public:
  virtual ~PageMemory() = default;
  // Makes one page more; they are numbered from 0. Returns its floats, which stay where they are;
  // nullptr when only the model can reach them, by the number (SequenceCache::pages). What it
  // throws ends a step, which can be repeated.
  virtual float* add() = 0;
  virtual void copy(PageId from, PageId to) = 0;
};

// In the CPU's memory.
std::unique_ptr<PageMemory> host_pages(const PageShape& shape);

// Threads: one thread at a time; draws use its team between calls.
class LogitModel {
 public:
  virtual ~LogitModel() = default;
  virtual const ModelConfig& config() const = 0;
  virtual ThreadTeam& team() = 0;
  // As TextGenerator::set_weights.
  virtual void set_weights(const ModelWeights& weights) = 0;
  // Memory for the cache that forward() is given; called once, and gone before the model.
  virtual std::unique_ptr<PageMemory> make_pages(const PageShape& shape) {
    return host_pages(shape);
  }
  // As Transformer::forward.
  virtual void forward(std::span<const TokenSpan> spans, std::size_t page_size,
                       std::span<const std::size_t> wanted_rows, float* logits) = 0;
  // As Ops::score.
  virtual void score(const float* logits, std::size_t rows, float inverse_temperature,
                     const std::int32_t* tokens, TokenScore* scores) = 0;
};

// Throws Error naming the option; what is 0 for "choose" has been filled in.
GeneratorOptions resolved(GeneratorOptions options, const ModelConfig& config);

// Continuous batching over the model; scores and draws are the CPU's. Throws Error for options out
// of range.
std::unique_ptr<TextGenerator> make_generator(std::unique_ptr<LogitModel> model,
                                              std::uint64_t version,
                                              const GeneratorOptions& options);

}  // namespace rl::language
