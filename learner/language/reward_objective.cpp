#include "learner/language/reward_objective.h"

#include <c10/core/GradMode.h>

#include "learner/language/sample_lines.h"
#include "learner/language/tuned_model.h"

namespace rl {

RewardObjective::RewardObjective(const ObjectiveParts& parts, at::Device device)
    : PairObjective(parts),
      loss_{.center_coefficient = parts.options.center_rewards},
      model_(parts.model.config, parts.model.weights, device, model_options(parts.options)) {}

PairSides RewardObjective::rewards(std::span<const PairItem> pairs) const {
  const PackedPairs packed = pack_pairs(pairs, model_.parameters().device());
  return sides_of(model_.values(packed.examples.tokens).index_select(0, packed.ends));
}

PairLoss RewardObjective::loss_of(std::span<const PairItem> pairs, double divisor) {
  const PairSides sides = rewards(pairs);
  const at::Tensor margins = pair_column(pairs, model_.parameters().device(),
                                         [](const PairItem& item) { return item.pair->margin; });
  return reward_model_loss(
      loss_, {.chosen = sides.chosen, .rejected = sides.rejected, .margins = margins}, divisor);
}

std::string RewardObjective::samples() {
  const c10::NoGradGuard no_graph;
  const text::Tokenizer& tokenizer = parts().text.tokenizer;
  std::string lines;
  for (const PairItem& item : shown()) {
    const PairSides sides = rewards({&item, 1});
    const auto answer = [&](const language::TrainingExample& example) {
      constexpr bool kWithoutSpecialTokens = true;
      return tokenizer.decode(std::span(example.tokens).subspan(example.answer_begin),
                              kWithoutSpecialTokens);
    };
    const language::TrainingExample& chosen = item.pair->chosen;
    const nlohmann::ordered_json row = {
        {"prompt", tokenizer.decode(std::span(chosen.tokens).first(chosen.answer_begin))},
        {"chosen", answer(chosen)},
        {"chosen_reward", sides.chosen.item<double>()},
        {"rejected", answer(item.pair->rejected)},
        {"rejected_reward", sides.rejected.item<double>()}};
    lines += json_line(row);
  }
  return lines;
}

void RewardObjective::save(const std::filesystem::path& run, FineTuneSummary& summary,
                           const std::function<void(const std::string&)>& /*log*/) {
  summary.model = (run / "model").string();
  save_like(summary.model, parts().model, model_.config(), model_.snapshot(),
            saved_dtype(parts().options.save_dtype));
}

}  // namespace rl
