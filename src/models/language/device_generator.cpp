#include "rl/models/device_generator.h"

#include "src/models/language/cuda_step_graphs.h"
#include "src/models/language/device_model.h"

namespace rl {

std::unique_ptr<language::TextGenerator> make_device_generator(
    const language::ModelConfig& config, const language::ModelWeights& weights,
    std::uint64_t version, const language::GeneratorOptions& options, at::Device device,
    const DeviceGeneratorOptions& on_device) {
  language::validate(config);
  language::require_language_head(config, "make_device_generator");
  const language::GeneratorOptions chosen = language::resolved(options, config);
  std::unique_ptr<lm::StepGraphs> graphs;
  if (on_device.graphs && device.is_cuda()) graphs = lm::cuda_step_graphs(device);
  return language::make_generator(
      std::make_unique<lm::DeviceModel>(config, weights, device, chosen, std::move(graphs)),
      version, chosen);
}

}  // namespace rl
