// Where an update computes.
#pragma once

#include <c10/core/Device.h>

#include <string>

namespace rl {

// "cpu" or "cuda" (the first GPU). Throws Error saying what is missing when it cannot be used.
// Threads: any.
c10::Device open_device(const std::string& name);

}  // namespace rl
