// LibTorch's process-wide settings.
#pragma once

namespace rl {

// One compute thread and deterministic operators: equal inputs give equal bytes.
void set_up_torch();

}  // namespace rl
