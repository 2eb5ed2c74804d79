// A model's tensors in memory, by name.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/formats/safetensors.h"
#include "rl/language/model_config.h"

namespace rl::language {

// Immutable tensors that share one owner (a mapped file, or memory). Names and shapes are those of
// model_parameters; data is f32, bf16 or f16 as it was stored, row-major, 4-byte aligned or better.
// Threads: immutable; copies share the data.
class ModelWeights {
 public:
  ModelWeights() = default;
  // Throws Error listing ALL that is missing, superfluous or of another shape or dtype, unless
  // `tensors` are the configuration's parameters. `owner` keeps their data alive.
  ModelWeights(const ModelConfig& config, std::vector<TensorView> tensors,
               std::shared_ptr<const void> owner, std::string_view where);

  const TensorView& require(std::string_view name) const;  // Error naming near ones
  const TensorView* find(std::string_view name) const;     // nullptr when absent
  const std::vector<TensorView>& tensors() const;          // in the order of model_parameters

  // The same. Throws Error as above unless they are the configuration's parameters.
  ModelWeights checked(const ModelConfig& config, std::string_view where) const;

  // The same with every tensor in this dtype (f32, bf16 or f16, rounded to nearest even; what is
  // too large becomes infinite); shares what
  // already is.
  ModelWeights as(DType dtype) const;

 private:
  struct Contents;
  std::shared_ptr<const Contents> contents_;
};

// The model with a scalar head instead of its own: the other weights are shared, score.weight is
// zero. A model that has a scalar head stays as it is. Throws Error when weights and configuration
// do not fit.
ModelConfig with_scalar_head(ModelConfig config);
ModelWeights with_scalar_head(const ModelConfig& config, const ModelWeights& weights);

// Values of a tensor as f32, whatever it is stored as.
std::vector<float> to_f32(const TensorView& tensor);

// Random weights of the families' usual initialisation (normal, deviation 0.02; residual
// projections 0.02 / sqrt(2 layers); norms 1, biases 0). Same seed, same bytes on any machine.
ModelWeights random_weights(const ModelConfig& config, std::uint64_t seed);

}  // namespace rl::language
