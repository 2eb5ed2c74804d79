// The value model of PPO on texts: what a prefix is worth, its own weights and optimiser.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "learner/language/learning_texts.h"
#include "rl/core/rng.h"
#include "rl/language/model_image.h"
#include "rl/learner/language_train_options.h"
#include "rl/models/adam.h"
#include "rl/models/scalar_model.h"

namespace rl {

// What a critic starts from.
struct CriticStart {
  language::ModelConfig config{};
  language::ModelWeights weights{};
  std::string digest{};
};

// The folder that the options name (a language model or a classifier with one label), else the
// policy's own start with a head of zeros. Throws Error when its tokens are not the policy's or it
// is too short for the texts.
CriticStart critic_start(const LanguageTrainOptions& options, const language::ModelImage& policy);

struct CriticOutcome {
  std::size_t gradient_steps = 0;
  std::size_t skipped_steps = 0;  // not finite: no bit changed
  std::map<std::string, double> metrics{};
};

// Threads: one thread at a time. Does not move.
class Critic {
 public:
  Critic(const LanguageTrainOptions& options, const CriticStart& start,
         const LanguageModelOptions& model, at::Device device);
  Critic(const Critic&) = delete;
  Critic& operator=(const Critic&) = delete;

  // Values, advantages and returns of every text that learns (critic_advantages), whose old and
  // reference log-probs must be there. Rewards are set before. Returns metrics of the round.
  std::map<std::string, double> judge(std::vector<LearningText>& texts) const;

  // As many steps as the policy's on the same texts, towards their returns.
  CriticOutcome learn(std::vector<LearningText>& texts, double learning_rate, RngStream order);

  const ScalarModel& model() const { return model_; }

  // Weights and optimiser, named "critic...". read throws Error naming what does not fit and
  // changes nothing; so does a critic that began from other weights.
  void put(StateDict& state) const;
  struct State {
    at::Tensor values;
    Adam::State adam{};
  };
  State read(const SafetensorsView& image) const;
  void set(State state);

 private:
  struct Sums;
  void step(const std::vector<LearningText*>& minibatch, double learning_rate, Sums& sums,
            CriticOutcome& outcome);
  void predict(const std::vector<LearningText*>& texts) const;

  LanguageCriticOptions options_;
  double kl_coefficient_;
  std::size_t epochs_, minibatches_, micro_batch_tokens_;
  ScalarModel model_;
  Adam adam_;
};

}  // namespace rl
