// Sampling from a language model on any device that LibTorch has.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "rl/language/model_config.h"
#include "rl/language/model_weights.h"
#include "rl/language/text_generator.h"
#include "rl/models/device_generator_options.h"

namespace rl {

// The forward pass by LibTorch's operations, with weights and cache on `device`; scores and draws
// on the CPU by the code of make_cpu_generator. What TextGenerator says holds but for rounding: a
// sequence's log-probs depend in their last digits on what shares its batch. Matrices of bf16 stay
// so, their products and the cache with them; everything else is f32.
// Threads: one thread at a time. Throws Error for options out of range and weights of another
// model.
std::unique_ptr<language::TextGenerator> make_device_generator(
    const language::ModelConfig& config, const language::ModelWeights& weights,
    std::uint64_t version, const language::GeneratorOptions& options, at::Device device,
    const DeviceGeneratorOptions& on_device = {});

}  // namespace rl
