// Adam and AdamW over the flat parameters of a model.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "rl/formats/safetensors.h"
#include "rl/models/parameters.h"
#include "rl/models/state_dict.h"

namespace rl {

struct AdamOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double max_gradient_norm = 0.0;  // global 2-norm over all parameters; 0: no clipping
  // Decoupled (Loshchilov & Hutter 2019): w -= learning_rate * weight_decay * w before the step. Of
  // parameters with two extents or more; biases and the weights of norms keep theirs.
  double weight_decay = 0.0;
};

// Adam (Kingma & Ba 2015, algorithm 1) and AdamW, clipped by the global norm (Pascanu et al. 2013),
// with the whole step thrown away when it is not finite.
// Threads: one thread at a time. Keeps a reference to the parameters, which must outlive it.
class Adam {
 public:
  Adam(Parameters& parameters, const AdamOptions& options);

  struct Step {
    bool applied = false;
    double gradient_norm = 0.0;  // before clipping
  };
  // One step from parameters.gradients(), which are clipped in place. When `loss` ([]) or the norm
  // is not finite, weights, moments and step count keep every bit and the step is counted.
  Step step(const at::Tensor& loss, double learning_rate);

  std::uint64_t num_steps() const { return num_steps_; }      // applied
  std::uint64_t num_skipped() const { return num_skipped_; }  // thrown away

  // Moments, step count and skip count, named `prefix` + "adam...".
  void put(StateDict& state, const std::string& prefix = "") const;
  // What put() wrote. Throws Error naming the tensor when it does not fit.
  struct State {
    at::Tensor first_moment, second_moment;
    std::uint64_t num_steps = 0, num_skipped = 0;
  };
  State read(const SafetensorsView& image, const std::string& prefix = "") const;
  void set(State state);
  // Both; changes nothing when read throws.
  void load(const SafetensorsView& image) { set(read(image)); }

 private:
  // Neighbours that decay alike, one view of each flat buffer.
  struct Stretch {
    std::int64_t begin = 0;
    std::int64_t end = 0;
    bool decays = false;
  };
  static std::vector<Stretch> stretches_of(const Parameters& parameters, bool decay);

  Parameters& parameters_;
  AdamOptions options_;
  std::vector<Stretch> stretches_;
  at::Tensor first_moment_;
  at::Tensor second_moment_;
  at::Tensor step_tensor_;  // f32 [1], what the fused operation wants
  std::uint64_t num_steps_ = 0;
  std::uint64_t num_skipped_ = 0;
};

}  // namespace rl
