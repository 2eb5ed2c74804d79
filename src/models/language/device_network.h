// A network whose weights are on one device and are exchanged where they are.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "rl/language/model_weights.h"
#include "src/models/language/network.h"

namespace rl::lm {

// Matrices keep bf16, everything else is f32. Threads: one thread at a time.
class DeviceNetwork {
 public:
  // Throws Error when weights and configuration do not fit.
  DeviceNetwork(const language::ModelConfig& config, const language::ModelWeights& weights,
                at::Device device);

  // Throws as the constructor does, and keeps the old ones. False when a tensor has another type
  // than before: all of them are new ones then.
  bool exchange(const language::ModelWeights& weights);

  const Network& network() const { return network_; }

 private:
  Network network_of(const language::ModelWeights& weights);

  at::Device device_;
  std::map<std::string, at::Tensor> tensors_{};
  Network network_;
};

}  // namespace rl::lm
