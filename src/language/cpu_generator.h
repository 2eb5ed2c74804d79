// The generator on the CPU, with a chosen form of the kernels.
#pragma once

#include <cstdint>
#include <memory>

#include "rl/language/text_generator.h"
#include "src/language/kernels.h"

namespace rl::language {

// Throws Error as make_cpu_generator does.
std::unique_ptr<TextGenerator> make_cpu_generator(const ModelConfig& config,
                                                  const ModelWeights& weights,
                                                  std::uint64_t version,
                                                  const GeneratorOptions& options,
                                                  const KernelTable& kernels);

}  // namespace rl::language
