// Initial weights of small networks.
#pragma once

#include <cstdint>
#include <span>

#include "rl/core/rng.h"

namespace rl {

// Threads: pure functions, any thread. The values depend on the stream's position and the arguments
// alone. They throw Error, before writing anything, when the span does not have the stated length.

// A (semi-)orthogonal matrix times `gain` (Saxe et al. 2013, "Exact solutions to the nonlinear
// dynamics of learning in deep linear neural networks"): Q of the QR decomposition of a normal
// matrix, with the signs of R's diagonal taken out so that Q is uniformly distributed (Mezzadri
// 2006). The shorter side is orthonormal: rows when out <= in, columns otherwise.
void orthogonal(std::span<float> weight /* [out, in], row-major */, std::int64_t out,
                std::int64_t in, double gain, RngStream stream);

// U(-1/sqrt(inputs), 1/sqrt(inputs)), for the weight and the bias of a layer with that many inputs
// (PyTorch's default for Linear).
void uniform_fan_in(std::span<float> values, std::int64_t inputs, RngStream stream);

}  // namespace rl
