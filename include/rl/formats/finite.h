// Whether weights are numbers.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace rl {

// The name of the first tensor of a safetensors image that holds an infinity or NaN; empty when
// there is none. Integer tensors are always fine. Throws Error, prefixed with `where`, when the
// image is malformed.
std::string find_non_finite(std::span<const std::byte> image, std::string_view where);

}  // namespace rl
