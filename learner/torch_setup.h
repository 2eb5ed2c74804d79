// LibTorch's and its memory's process-wide settings.
#pragma once

namespace rl {

// Deterministic operators: equal inputs and equal numbers of threads give equal bytes.
void set_up_torch(int threads = 1);

}  // namespace rl
