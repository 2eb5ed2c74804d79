#include "learner/language/text_scoring.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include "rl/language/batch_plan.h"

namespace rl {

PackedTexts pack_texts(const Texts& texts, at::Device device) {
  PackedTexts packed;
  std::int64_t rows = 0;
  std::int64_t wanted = 0;
  for (const LearningText* text : texts) {
    packed.tokens.lengths.push_back(static_cast<std::int64_t>(text->episode.tokens.size()) - 1);
    rows += packed.tokens.lengths.back();
    wanted += static_cast<std::int64_t>(text->sampled_tokens());
  }
  const at::Tensor tokens = at::empty({rows}, at::kLong);
  const at::Tensor targets = at::empty({rows}, at::kLong);
  const at::Tensor chosen = at::empty({wanted}, at::kLong);
  auto* token = tokens.mutable_data_ptr<std::int64_t>();
  auto* target = targets.mutable_data_ptr<std::int64_t>();
  auto* row = chosen.mutable_data_ptr<std::int64_t>();
  std::int64_t position = 0;
  for (const LearningText* text : texts) {
    const rollout::TextEpisode& episode = text->episode;
    for (std::size_t i = 0; i + 1 < episode.tokens.size(); ++i, ++position) {
      const bool sampled = episode.sampled[i + 1] != 0;
      *token++ = episode.tokens[i];
      *target++ = sampled ? episode.tokens[i + 1] : -1;
      if (sampled) *row++ = position;
    }
  }
  packed.tokens.tokens = tokens.to(device);
  packed.targets = targets.to(device);
  packed.rows = chosen.to(device);
  return packed;
}

std::vector<Texts> split_texts(const Texts& texts, std::size_t budget) {
  std::vector<std::size_t> lengths;
  for (const LearningText* text : texts) lengths.push_back(text->episode.tokens.size());
  std::vector<Texts> parts;
  for (const auto& batch : language::pack_in_order(lengths, budget)) {
    Texts& part = parts.emplace_back();
    for (const std::size_t index : batch) part.push_back(texts[index]);
  }
  return parts;
}

std::vector<std::vector<float>> score_texts(LanguageModel& model, const Texts& texts,
                                            double temperature, std::size_t budget) {
  const c10::NoGradGuard no_graph;
  std::vector<std::vector<float>> scores;
  for (const Texts& part : split_texts(texts, budget)) {
    const PackedTexts packed = pack_texts(part, model.parameters().device());
    const at::Tensor log_probs =
        model.token_log_probs(model.hidden(packed.tokens), packed.targets, temperature)
            .log_probs.index_select(0, packed.rows)
            .to(at::kCPU);
    const float* next = log_probs.const_data_ptr<float>();
    for (const LearningText* text : part) {
      scores.emplace_back(next, next + text->sampled_tokens());
      next += text->sampled_tokens();
    }
  }
  return scores;
}

}  // namespace rl
