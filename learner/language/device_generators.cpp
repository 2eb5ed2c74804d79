#include "rl/learner/device_generators.h"

#include "learner/updates/device.h"
#include "rl/models/device_generator.h"

namespace rl {

language::GeneratorFactory device_generators(const std::string& device,
                                             const DeviceGeneratorOptions& options) {
  return [on = open_device(device), options](const auto& config, const auto& weights,
                                             std::uint64_t version, const auto& generator) {
    return make_device_generator(config, weights, version, generator, on, options);
  };
}

}  // namespace rl
