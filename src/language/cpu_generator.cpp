#include "src/language/cpu_generator.h"

#include <utility>

#include "rl/language/logit_model.h"
#include "src/language/kernels.h"

namespace rl::language {
namespace {

class CpuModel final : public LogitModel {
 public:
  CpuModel(const ModelConfig& config, const ModelWeights& weights, std::size_t threads,
           const KernelTable& kernels)
      : team_(threads), transformer_(config, weights, config.context, Ops(team_, kernels)) {}

  const ModelConfig& config() const override { return transformer_.config(); }
  ThreadTeam& team() override { return team_; }
  void set_weights(const ModelWeights& weights) override { transformer_.set_weights(weights); }
  void forward(std::span<const TokenSpan> spans, std::size_t page_size,
               std::span<const std::size_t> wanted_rows, float* logits) override {
    transformer_.forward(spans, page_size, wanted_rows, logits);
  }
  void score(const float* logits, std::size_t rows, float inverse_temperature,
             const std::int32_t* tokens, TokenScore* scores) override {
    transformer_.ops().score(logits, rows, config().vocabulary, inverse_temperature, tokens,
                             scores);
  }

 private:
  ThreadTeam team_;
  Transformer transformer_;
};

}  // namespace

std::unique_ptr<TextGenerator> make_cpu_generator(const ModelConfig& config,
                                                  const ModelWeights& weights,
                                                  std::uint64_t version,
                                                  const GeneratorOptions& options,
                                                  const KernelTable& kernels) {
  validate(config);
  require_language_head(config, "make_cpu_generator");
  const GeneratorOptions chosen = resolved(options, config);
  return make_generator(std::make_unique<CpuModel>(config, weights, chosen.threads, kernels),
                        version, chosen);
}

std::unique_ptr<TextGenerator> make_cpu_generator(const ModelConfig& config,
                                                  const ModelWeights& weights,
                                                  std::uint64_t version,
                                                  const GeneratorOptions& options) {
  return make_cpu_generator(config, weights, version, options, *available_kernels().back());
}

}  // namespace rl::language
