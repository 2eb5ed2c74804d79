// Where low-rank adapters sit, how they start and how they are merged.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "rl/language/model_config.h"
#include "rl/language/ops.h"
#include "rl/models/language_model.h"
#include "rl/models/parameters.h"

namespace rl::lm {

struct AdapterSite {
  std::string module;  // "model.layers.0.self_attn.q_proj"
  std::int64_t outputs = 0;
  std::int64_t inputs = 0;
};

// The matrices that the options name, in the order of model_parameters. Throws Error for a rank
// or alpha that makes no sense and for targets that the model does not have.
std::vector<AdapterSite> adapter_sites(const language::ModelConfig& config,
                                       const LoraOptions& options);
// `<module>.lora_A.weight` [rank, inputs] and `<module>.lora_B.weight` [outputs, rank].
std::vector<ParameterSpec> adapter_parameters(const std::vector<AdapterSite>& sites,
                                              std::int64_t rank);
// As PEFT: a uniform in +-1/sqrt(inputs), b zero.
void initialise_adapters(Parameters& parameters, std::uint64_t seed);

// merged = frozen + scale * b a, with the operations of rl/language/ops.h: the same bits whatever
// the number of threads. All on the CPU.
void merge_adapter(const language::Ops& ops, const at::Tensor& frozen, const at::Tensor& a,
                   const at::Tensor& b, double scale, const at::Tensor& merged);

}  // namespace rl::lm
