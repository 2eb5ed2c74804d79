// Whether tensors are those that a model needs.
#pragma once

#include <span>
#include <string_view>

#include "rl/formats/safetensors.h"
#include "rl/language/model_config.h"

namespace rl::language {

// Throws one Error that lists every tensor that is missing, superfluous, there twice, of another
// shape, or of a dtype that is not a float's of 16 or 32 bits.
void check_tensors(std::span<const TensorView> tensors, std::span<const ParameterSpec> expected,
                   std::string_view where);

}  // namespace rl::language
