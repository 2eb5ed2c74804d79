// Rounds of texts made by hand, scored by the model that is to learn from them.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "learner/language/policy_algorithm.h"
#include "learner/language/text_run.h"
#include "learner/language/text_scoring.h"
#include "tests/learner/language/examples.h"

namespace rl::tests {

inline language::ModelImage tiny_image() { return start_image(tiny_model(), "tiny model"); }

inline LanguageTrainOptions policy_run(const std::string& algorithm = "grpo") {
  LanguageTrainOptions options;
  options.run.algorithm = algorithm;
  options.policy = language_policy_preset(algorithm);
  options.model = "tiny";
  options.threads = 1;
  options.prompts = 2;
  options.group = 3;
  options.max_prompt_tokens = 16;
  options.max_new_tokens = 8;
  options.learning_rate = 1e-3;
  options.max_resample = 1;
  return options;
}

// One sample of a prompt.
struct Sample {
  std::string prompt;
  std::string completion;  // a stop token follows unless it is truncated
  double score = 0.0;
  std::uint64_t group = 1;
  bool scored = true;
  bool truncated = false;
};

inline rollout::TextEpisode episode_of(const Sample& sample, std::uint64_t place) {
  language::TrainingExample example = tests::example(sample.prompt, sample.completion);
  if (sample.truncated) example.tokens.pop_back();
  rollout::TextEpisode episode;
  episode.tokens = example.tokens;
  episode.sampled.assign(episode.tokens.size(), 0);
  std::fill(episode.sampled.begin() + static_cast<std::ptrdiff_t>(sample.prompt.size()),
            episode.sampled.end(), std::uint8_t{1});
  episode.log_probs.assign(episode.tokens.size(), 0.0F);
  episode.versions.assign(episode.tokens.size(), 1);
  episode.score = sample.score;
  episode.scored = sample.scored;
  episode.truncated = sample.truncated;
  episode.place = place;
  episode.group = sample.group;
  episode.round = 1;
  return episode;
}

// Log-probs of the sampled tokens by the model as it is.
inline std::vector<float> log_probs_of(LanguageModel& model, const rollout::TextEpisode& episode,
                                       double temperature = 1.0) {
  LearningText text;
  text.episode = episode;
  text.sampler_log_probs.assign(
      static_cast<std::size_t>(std::count(episode.sampled.begin(), episode.sampled.end(), 1)),
      0.0F);
  return score_texts(model, {&text}, temperature, 1000).front();
}

inline double log_prob_of(LanguageModel& model, const Sample& sample) {
  double sum = 0.0;
  for (const float value : log_probs_of(model, episode_of(sample, 0))) sum += double{value};
  return sum;
}

// An algorithm and its table.
struct Student {
  explicit Student(const LanguageTrainOptions& wanted)
      : options(wanted), algorithm(wanted, tiny_image()), table(algorithm.table_options()) {}

  // The texts as the algorithm's own model would have sampled them.
  void give(const std::vector<Sample>& samples) {
    for (std::size_t place = 0; place < samples.size(); ++place) {
      rollout::TextEpisode episode = episode_of(samples[place], place);
      const std::vector<float> scores =
          log_probs_of(algorithm.model(), episode, options.temperature);
      auto next = scores.begin();
      for (std::size_t i = 0; i < episode.tokens.size(); ++i) {
        if (episode.sampled[i]) episode.log_probs[i] = *next++;
      }
      put(episode);
    }
  }

  void put(const rollout::TextEpisode& episode) {
    table.insert(rollout::to_fragment(episode, schema), std::chrono::milliseconds(0));
  }

  UpdateReport update() {
    return *algorithm.update(table, {.total_steps = 10, .weight_version = 1});
  }

  UpdateReport learn(const std::vector<Sample>& samples) {
    give(samples);
    return update();
  }

  at::Tensor weights() { return algorithm.model().parameters().values().clone(); }

  LanguageTrainOptions options;
  LanguagePolicyAlgorithm algorithm;
  replay::Table table;
  std::shared_ptr<const FragmentSchema> schema =
      std::make_shared<const FragmentSchema>(make_schema(rollout::text_spec(259, 24, 10.0)));
};

// Two problems, of which samples are right, wrong and wrong.
inline std::vector<Sample> mixed_round() {
  return {{.prompt = "1+2=", .completion = "3", .score = 1.0},
          {.prompt = "1+2=", .completion = "12"},
          {.prompt = "1+2=", .completion = "x"},
          {.prompt = "2+2=", .completion = "22", .group = 2},
          {.prompt = "2+2=", .completion = "4", .score = 1.0, .group = 2},
          {.prompt = "2+2=", .completion = "aaaa", .group = 2}};
}

}  // namespace rl::tests
