// What the generator needs of a model; tests put simple ones in its place.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "rl/language/model_config.h"
#include "rl/language/model_weights.h"
#include "rl/language/ops.h"
#include "rl/language/thread_team.h"
#include "rl/language/transformer.h"
#include "src/language/page_memory.h"

namespace rl::language {

// Threads: one thread at a time.
class LogitModel {
 public:
  virtual ~LogitModel() = default;
  virtual const ModelConfig& config() const = 0;
  virtual ThreadTeam& team() = 0;
  virtual void set_weights(const ModelWeights& weights) = 0;
  // Memory for the cache that forward() is given, asked for once.
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

}  // namespace rl::language
