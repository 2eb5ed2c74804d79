#include "rl/rollout/text_run_config.h"

#include <cmath>
#include <limits>
#include <sstream>

#include "rl/core/error.h"
#include "rl/rollout/text_episode.h"
#include "rollout/config_values.h"

namespace rl::rollout {
namespace {

constexpr std::size_t kMostTokens = std::size_t{1} << 20;
constexpr std::size_t kMostPlaces = std::size_t{1} << 20;
constexpr std::size_t kMostRewards = 64;
constexpr std::size_t kMostStaleness = 1024;
constexpr double kMostReward = 1e6;

[[noreturn]] void refuse(const char* field, const std::string& expected, const std::string& got) {
  throw Error({.where = "text run", .what = std::string(field) + " is out of range",
               .expected = expected, .got = got});
}

void require_between(const char* field, std::size_t value, std::size_t low, std::size_t high) {
  if (value >= low && value <= high) return;
  refuse(field, std::to_string(low) + " to " + std::to_string(high), std::to_string(value));
}

void require_real(const char* field, double value, bool good, const char* expected) {
  if (!std::isfinite(value) || !good) refuse(field, expected, real_text(value));
}

bool is_one_line(const std::string& text) { return text.find_first_of("\n\r") == text.npos; }

void validate(const TextReward& reward) {
  if (reward.verifier.empty() || reward.verifier.find_first_of(" \t\n\r") != std::string::npos) {
    refuse("rewards", "verifiers named by one word", "'" + reward.verifier + "'");
  }
  require_real("a reward's weight", reward.weight, std::abs(reward.weight) <= kMostReward,
               "a number of at most 1e6");
  if (reward.verifier == kRewardModelName && reward.argument.empty()) {
    refuse("rewards", "reward-model:WEIGHT:FOLDER", "no folder");
  }
  if (!is_one_line(reward.argument)) refuse("a reward's argument", "one line", reward.argument);
}

// "numeric 0.5" or "regex 1 <answer>.*</answer>"
std::string to_line(const TextReward& reward) {
  const std::string head = reward.verifier + " " + real_text(reward.weight);
  return reward.argument.empty() ? head : head + " " + escaped(reward.argument);
}

TextReward reward_from(const std::string& name, std::string_view line) {
  const auto word = [&] {
    const std::string_view first = line.substr(0, line.find(' '));
    line.remove_prefix(std::min(first.size() + 1, line.size()));
    return first;
  };
  TextReward reward;
  reward.verifier = word();
  reward.weight = parse_real(name, word());
  reward.argument = unescaped(name, line);
  return reward;
}

}  // namespace

language::SamplingOptions TextRunConfig::sampling() const {
  return {.temperature = static_cast<float>(temperature),
          .top_k = top_k,
          .top_p = static_cast<float>(top_p),
          .min_p = static_cast<float>(min_p)};
}

void validate(const TextRunConfig& config) {
  require_between("prompts_per_round", config.prompts_per_round, 1, kMostPlaces);
  require_between("group", config.group, 1, kMostPlaces);
  require_between("prompts_per_round * group", config.places(), 1, kMostPlaces);
  require_between("max_staleness", config.max_staleness, 0, kMostStaleness);
  require_between("max_prompt_tokens", config.max_prompt_tokens, 1, kMostTokens);
  require_between("max_new_tokens", config.max_new_tokens, 1, kMostTokens);
  require_between("vocabulary", config.vocabulary, 1, std::numeric_limits<std::int32_t>::max());
  require_between("rewards", config.rewards.size(), 0, kMostRewards);
  require_real("temperature", config.temperature,
               static_cast<float>(config.temperature) > 0.0F, "above 0");
  language::validate(config.sampling());
  require_real("reward_limit", config.reward_limit,
               config.reward_limit > 0.0 && config.reward_limit <= kMostReward,
               "above 0, at most 1e6");
  for (const TextReward& reward : config.rewards) validate(reward);
  if (config.prompt_template.find("{prompt}") == std::string::npos) {
    refuse("prompt_template", "a text with {prompt} in it", "'" + config.prompt_template + "'");
  }
  if (!config.tool.empty() && config.tool != "calculator") {
    refuse("tool", "nothing or calculator", "'" + config.tool + "'");
  }
  if (!config.from_file() && config.task.empty()) {
    refuse("task", "a task's name, or prompts_file", "neither");
  }
}

std::uint64_t newest_round_to_begin(const TextRunConfig& config, std::uint64_t version) {
  return version + config.max_staleness;
}

EnvironmentSpec text_spec(const TextRunConfig& config) {
  return text_spec(config.vocabulary, config.max_tokens(), config.reward_limit);
}

std::string to_text(const TextRunConfig& config) {
  std::ostringstream out;
  const auto line = [&](const std::string& name, const auto& value) {
    out << "text." << name << " = " << value << "\n";
  };
  const auto flag = [](bool value) { return value ? "true" : "false"; };
  line("task", escaped(config.task));
  line("digits", config.digits);
  line("length", config.length);
  line("prompts_file", escaped(config.prompts_file));
  line("prompts_digest", escaped(config.prompts_digest));
  line("skip_broken_lines", flag(config.skip_broken_lines));
  line("held_out", config.held_out);
  line("prompt_template", escaped(config.prompt_template));
  line("chat", flag(config.chat));
  line("prompts_per_round", config.prompts_per_round);
  line("group", config.group);
  line("max_staleness", config.max_staleness);
  line("max_prompt_tokens", config.max_prompt_tokens);
  line("max_new_tokens", config.max_new_tokens);
  line("temperature", real_text(config.temperature));
  line("top_k", config.top_k);
  line("top_p", real_text(config.top_p));
  line("min_p", real_text(config.min_p));
  line("num_rewards", config.rewards.size());
  for (std::size_t i = 0; i < config.rewards.size(); ++i) {
    line("reward." + std::to_string(i), to_line(config.rewards[i]));
    line("reward_digest." + std::to_string(i), escaped(config.rewards[i].digest));
  }
  line("reward_limit", real_text(config.reward_limit));
  line("score_truncated", flag(config.score_truncated));
  line("tool", escaped(config.tool));
  line("vocabulary", config.vocabulary);
  return out.str();
}

TextRunConfig text_run_config_from(std::map<std::string, std::string>& values) {
  const auto name_of = [](const std::string& field) { return "text." + field; };
  const auto take = [&](const std::string& field) { return take_value(values, name_of(field)); };
  const auto text = [&](const std::string& field) {
    return unescaped(name_of(field), take(field));
  };
  const auto number = [&](const std::string& field) {
    return parse_number<std::uint32_t>(name_of(field), take(field), 0);
  };
  const auto real = [&](const std::string& field) {
    return parse_real(name_of(field), take(field));
  };
  const auto flag = [&](const std::string& field) {
    return parse_flag(name_of(field), take(field));
  };
  TextRunConfig config;
  config.task = text("task");
  config.digits = number("digits");
  config.length = number("length");
  config.prompts_file = text("prompts_file");
  config.prompts_digest = text("prompts_digest");
  config.skip_broken_lines = flag("skip_broken_lines");
  config.held_out = number("held_out");
  config.prompt_template = text("prompt_template");
  config.chat = flag("chat");
  config.prompts_per_round = number("prompts_per_round");
  config.group = number("group");
  config.max_staleness = number("max_staleness");
  config.max_prompt_tokens = number("max_prompt_tokens");
  config.max_new_tokens = number("max_new_tokens");
  config.temperature = real("temperature");
  config.top_k = number("top_k");
  config.top_p = real("top_p");
  config.min_p = real("min_p");
  const std::uint32_t rewards = number("num_rewards");
  require_between("rewards", rewards, 0, kMostRewards);
  for (std::uint32_t i = 0; i < rewards; ++i) {
    const std::string field = "reward." + std::to_string(i);
    config.rewards.push_back(reward_from(name_of(field), take(field)));
    config.rewards.back().digest = text("reward_digest." + std::to_string(i));
  }
  config.reward_limit = real("reward_limit");
  config.score_truncated = flag("score_truncated");
  config.tool = text("tool");
  config.vocabulary = number("vocabulary");
  validate(config);
  return config;
}

}  // namespace rl::rollout
