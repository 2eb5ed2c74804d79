// Text generators on the device that a learner computes on.
#pragma once

#include <string>

#include "rl/language/text_generator.h"
#include "rl/models/device_generator_options.h"

namespace rl {

// make_device_generator on "cpu" or "cuda", the first GPU. Threads: any. Throws Error for another
// name, or saying what is missing when the device cannot be used.
language::GeneratorFactory device_generators(const std::string& device,
                                             const DeviceGeneratorOptions& options = {});

}  // namespace rl
