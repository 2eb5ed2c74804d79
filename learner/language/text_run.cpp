#include "learner/language/text_run.h"

#include <charconv>

#include "learner/language/model_text.h"
#include "learner/language/sample_lines.h"
#include "rl/core/error.h"
#include "rl/language/problem_file.h"
#include "rl/language/reward_model.h"
#include "rl/learner/device_generators.h"
#include "rl/rollout/text_evaluation.h"

namespace rl {
namespace {

// Workers elsewhere must find the same folder, and the same model in it.
void settle_reward_model(rollout::TextReward& reward, const language::ModelFolder& policy,
                         const rollout::TextRunConfig& text) {
  reward.argument = std::filesystem::absolute(reward.argument).lexically_normal().string();
  const language::RewardModel model(reward.argument);
  model.require_tokenizer(text::Tokenizer::from_json(policy.tokenizer_json, "the policy"));
  if (model.context() < text.max_tokens()) {
    throw Error({.where = reward.argument,
                 .what = "the reward model cannot read the run's longest text",
                 .expected = "max-prompt-tokens + max-new-tokens of at most its context, " +
                             std::to_string(model.context()),
                 .got = std::to_string(text.max_tokens()),
                 .remedy = "allow fewer prompt or new tokens"});
  }
  reward.digest = model.digest();
}

// VERIFIER[:WEIGHT[:ARGUMENT]]
rollout::TextReward parse_reward(const std::string& text) {
  rollout::TextReward reward;
  const std::size_t colon = text.find(':');
  reward.verifier = text.substr(0, colon);
  if (colon == std::string::npos) return reward;
  const std::size_t second = text.find(':', colon + 1);
  const std::size_t length = second == std::string::npos ? second : second - colon - 1;
  const std::string weight = text.substr(colon + 1, length);
  const char* end = weight.data() + weight.size();
  const auto parsed = std::from_chars(weight.data(), end, reward.weight);
  if (parsed.ec != std::errc{} || parsed.ptr != end) {
    throw Error({.where = "train options", .what = "--rewards is not usable",
                 .expected = "VERIFIER, VERIFIER:WEIGHT or VERIFIER:WEIGHT:ARGUMENT",
                 .got = "'" + text + "'"});
  }
  if (second != std::string::npos) reward.argument = text.substr(second + 1);
  return reward;
}

std::string to_lines(const rollout::TextEvaluation& evaluation, std::size_t most) {
  std::string lines;
  for (std::size_t i = 0; i < std::min(most, evaluation.answers.size()); ++i) {
    const rollout::TextAnswer& answer = evaluation.answers[i];
    nlohmann::ordered_json row = {{"prompt", answer.prompt},
                                  {"completion", answer.completion},
                                  {"expected", answer.expected},
                                  {"score", answer.score},
                                  {"truncated", answer.truncated}};
    if (!answer.scored) row["score"] = nullptr;
    lines += json_line(row);
  }
  return lines;
}

}  // namespace

language::ModelImage start_image(const language::ModelFolder& model, const std::string& where) {
  const ModelText text = read_model_text(model, where);
  return {.config = model.config,
          .weights = model.weights,
          .tokenizer_json = model.tokenizer_json,
          .stop_ids = text.stop_ids,
          .chat_template = text.chat_template,
          .bos_token = text.bos_token,
          .eos_token = text.eos_token};
}

rollout::TextRunConfig text_run_config(const LanguageTrainOptions& options,
                                       const language::ModelFolder& model) {
  const auto narrow = [](std::size_t value) { return static_cast<std::uint32_t>(value); };
  rollout::TextRunConfig text;
  text.task = options.task;
  text.digits = narrow(options.digits);
  text.length = narrow(options.length);
  text.skip_broken_lines = options.skip_broken_lines;
  if (!options.data.empty()) {
    text.prompts_file = std::filesystem::absolute(options.data).string();
    text.prompts_digest =
        language::read_problem_file(options.data, options.skip_broken_lines).digest;
  }
  text.held_out = narrow(options.held_out);
  text.prompt_template = options.prompt_template;
  text.chat = options.chat;
  text.prompts_per_round = narrow(options.prompts);
  text.group = narrow(options.group);
  if (options.run.mode == "async") text.max_staleness = narrow(options.max_staleness);
  text.max_prompt_tokens = narrow(options.max_prompt_tokens);
  text.max_new_tokens = narrow(options.max_new_tokens);
  text.temperature = options.temperature;
  text.top_k = narrow(options.top_k);
  text.top_p = options.top_p;
  text.min_p = options.min_p;
  for (const std::string& reward : options.rewards) text.rewards.push_back(parse_reward(reward));
  text.reward_limit = options.reward_limit;
  text.score_truncated = options.score_truncated;
  if (options.tool != "none") text.tool = options.tool;
  text.vocabulary = narrow(static_cast<std::size_t>(model.config.vocabulary));
  rollout::validate(text);
  for (rollout::TextReward& reward : text.rewards) {
    if (reward.verifier == rollout::kRewardModelName) settle_reward_model(reward, model, text);
  }
  return text;
}

language::GeneratorFactory generators(const LanguageTrainOptions& options) {
  if (options.sample_with == "kernels") return &language::make_cpu_generator;
  return device_generators(options.run.device);
}

EvaluateFunction text_evaluation(const LanguageTrainOptions& options,
                                 const rollout::TextRunConfig& text) {
  rollout::RunConfig config;
  config.environment = rollout::text_spec(text).name;
  config.seed = options.run.seed;
  config.num_environments = static_cast<std::uint32_t>(text.places());
  config.text = text;
  const std::size_t most = options.evaluation_problems;
  const std::size_t samples = options.samples;
  const language::GeneratorFactory make_generator = generators(options);
  return [config, most, samples, make_generator](const WeightSnapshot& snapshot,
                                                 const std::atomic<bool>& stop) {
    rollout::TextEvaluationOptions wanted;
    wanted.most = most;
    wanted.generator.threads = 1;  // it runs beside the training
    wanted.make_generator = make_generator;
    wanted.stop = &stop;
    const rollout::TextEvaluation evaluation = rollout::evaluate_text(config, snapshot, wanted);
    Evaluated result;
    result.mean_return = evaluation.mean_score();
    result.standard_error = evaluation.standard_error();
    result.mean_length = evaluation.mean_tokens();
    result.samples = to_lines(evaluation, samples);
    return result;
  };
}

}  // namespace rl
