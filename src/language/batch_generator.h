// Continuous batching over any model of logits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "rl/language/logit_model.h"
#include "rl/language/text_generator.h"
#include "src/language/page_pool.h"
#include "src/language/sampler.h"
#include "src/language/scheduler.h"

namespace rl::language {

class BatchGenerator final : public TextGenerator {
 public:
  BatchGenerator(std::unique_ptr<LogitModel> model, std::uint64_t version,
                 const GeneratorOptions& options);

  void submit(GenerationRequest request) override;
  void cancel(std::uint64_t request) override { scheduler_.cancel(request); }
  void cancel(std::uint64_t request, std::size_t sample) override {
    scheduler_.cancel(request, sample);
  }
  std::vector<GeneratedToken> step() override;
  bool idle() const override { return scheduler_.idle(); }
  void set_weights(const ModelWeights& weights, std::uint64_t version) override;
  const ModelConfig& config() const override { return model_->config(); }

  const PagePool& pool() const { return pool_; }

 private:
  // A sequence that draws, and the row of logits it draws from.
  struct Drawer {
    Sequence* sequence;
    std::size_t row;
    SampledToken result;
  };

  void check(const GenerationRequest& request) const;
  void forward(std::span<const PlannedSpan> plan);
  void advance(std::span<const PlannedSpan> plan);
  void score_rows();
  void draw_all();
  GeneratedToken accept(const Drawer& drawer);
  std::size_t vocabulary() const { return config().vocabulary; }

  std::unique_ptr<LogitModel> model_;
  GeneratorOptions options_;
  std::size_t most_tokens_;  // of a sequence, prompt included
  PagePool pool_;
  Scheduler scheduler_;
  std::uint64_t version_;
  std::vector<Sampler> samplers_;  // one per thread

  // Of the present step, kept for their memory.
  std::vector<TokenSpan> spans_;
  std::vector<std::size_t> wanted_rows_;
  std::vector<Sequence*> row_sequences_;  // whose logits a row holds
  std::vector<float> logits_;             // [rows, vocabulary]
  std::vector<TokenScore> scores_;
  std::vector<Drawer> drawers_;           // ordered by row
};

}  // namespace rl::language
