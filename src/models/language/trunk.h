// A transformer with what of it learns, up to its final norm: what all models above it share.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "rl/language/model_config.h"
#include "rl/language/model_weights.h"
#include "rl/language/thread_team.h"
#include "rl/models/language_model.h"
#include "src/models/language/functions.h"
#include "src/models/language/network.h"
#include "src/models/language/packing.h"

namespace rl::lm {

// Threads: one thread at a time. Does not move: its functions and network refer to it.
class Trunk {
 public:
  // As LanguageModel's; the head is the configuration's. With adapters a scalar head learns too.
  Trunk(const language::ModelConfig& config, const language::ModelWeights& weights,
        at::Device device, const LanguageModelOptions& options);
  Trunk(const Trunk&) = delete;
  Trunk& operator=(const Trunk&) = delete;

  // [N, hidden] behind the final norm.
  at::Tensor hidden(const PackedTokens& packed);
  // The weights as they are now, adapters merged in.
  language::ModelWeights snapshot() const;

  Parameters& parameters() { return parameters_; }
  const Parameters& parameters() const { return parameters_; }
  const language::ModelConfig& config() const { return config_; }
  const LanguageModelOptions& options() const { return options_; }
  const Functions& functions() const { return *functions_; }
  const Network& network() const { return network_; }

 private:
  // A frozen matrix, and itself with its adapter added.
  struct Merged {
    std::string name;
    at::Tensor frozen, a, b, merged;
  };

  bool learns(const std::string& name) const;
  void fill(std::size_t index, const language::ModelWeights& weights);
  void freeze(const language::ModelWeights& weights);
  Weight learning(std::size_t index) const;
  Weight weight(const std::string& name) const;
  Adapter adapter(const std::string& module) const;
  double lora_scale() const;
  void merge(const Merged& site, const at::Tensor& to) const;

  language::ModelConfig config_;
  LanguageModelOptions options_;
  bool exact_;
  language::ThreadTeam team_;
  language::Ops ops_;
  Parameters parameters_;
  language::ModelWeights frozen_owner_;       // with adapters: the weights as f32
  std::map<std::string, at::Tensor> frozen_;  // with adapters, on the model's device
  std::vector<Merged> merged_;                // with adapters
  Packer packer_;
  std::unique_ptr<Functions> functions_;
  Network network_;
};

}  // namespace rl::lm
