#include "rl/cli/language_command_line.h"

#include <algorithm>

#include "rl/cli/algorithm_choice.h"
#include "rl/core/error.h"
#include "src/cli/option_layers.h"

namespace rl::cli {
namespace {

// An option that only PPO has is worth more than "there is no such option".
void reject_critic_options(const std::string& algorithm, const std::vector<std::string>& words) {
  LanguageTrainOptions mine = language_defaults(algorithm);
  LanguageTrainOptions with_critic = language_defaults("ppo");
  const OptionTable known = language_option_table(mine);
  const OptionTable all = language_option_table(with_critic);
  for (const Option& option : all.options()) {
    const std::string typed = "--" + option.name;
    const bool used = std::ranges::any_of(words, [&](const std::string& word) {
      return word == typed || word.starts_with(typed + "=");
    });
    if (!used || known.find(option.name) != nullptr) continue;
    throw Error({.where = kCommandLine,
                 .what = "option " + typed + " has no effect on " + algorithm,
                 .remedy = "remove it, or choose --algo ppo"});
  }
}

void check_learner(const TrainOptions& options) {
  if (!options.bind.empty() && options.num_workers == 0) return;
  throw Error({.where = kCommandLine,
               .what = "a learner waits for workers that are started by hand",
               .expected = "--bind URL, and no --workers",
               .remedy = "e.g. corral learner --bind tcp://0.0.0.0:5555 --keys DIR"});
}

constexpr const char* kIntroduction =
    "corral train --algo grpo: trains a language model by reinforcement. Workers sample\n"
    "completions and score them; the learner makes the better ones of each problem likelier. The\n"
    "same road and guarantees as for any environment; rounds of texts take the place of steps.\n"
    "\n"
    "Usage: corral train --algo NAME --model DIR [--task NAME | --data FILE.jsonl]\n"
    "                    [--NAME VALUE]...\n"
    "\n"
    "Teach a model that already adds a little to add well, with two worker processes:\n"
    "  corral train --config configs/grpo-chain-sum.ini --model runs/warm/model --workers 2 \\\n"
    "               --stop-return 0.95 --out runs/sums\n"
    "  corral train --resume --out runs/sums\n"
    "\n"
    "Your own problems, lines {\"prompt\": ..., \"answer\": ...}, adapters only, near the old\n"
    "model:\n"
    "  corral train --algo dr-grpo --model models/SmolLM2-135M-Instruct --data problems.jsonl \\\n"
    "               --chat --rewards numeric,length:0.1:200 --lora-rank 16 --lr 1e-5 --kl 0.01\n";

constexpr const char* kPpoIntroduction =
    "corral train --algo ppo --model DIR: trains a language model by PPO. Workers sample\n"
    "completions and score them; a second model, the critic, learns what every prefix is worth,\n"
    "and tokens that turn out better than that become likelier. Without --model, --task and\n"
    "--data PPO trains a policy in an environment: corral train --help.\n"
    "\n"
    "Usage: corral train --algo ppo --model DIR [--task NAME | --data FILE.jsonl]\n"
    "                    [--critic DIR] [--NAME VALUE]...\n"
    "\n"
    "Teach a model that already adds a little to add well, with two worker processes:\n"
    "  corral train --config configs/ppo-chain-sum.ini --model runs/warm/model --workers 2 \\\n"
    "               --stop-return 0.9 --out runs/sums\n"
    "  corral train --resume --out runs/sums\n"
    "\n"
    "The critic of that run is the start of the next one's:\n"
    "  corral train --algo ppo --model runs/sums/model --critic runs/sums/critic \\\n"
    "               --data more.jsonl\n";

}  // namespace

LanguageTrainOptions language_defaults(const std::string& algorithm) {
  LanguageTrainOptions options;
  options.run.algorithm = algorithm;
  options.policy = language_policy_preset(algorithm);
  if (options.policy.baseline == Baseline::critic) {  // which has no use for groups
    options.prompts *= options.group;
    options.group = 1;
  }
  return options;
}

LanguageTrainOptions parse_language_command_line(TrainCommand command,
                                                 const std::vector<std::string>& words) {
  const bool learner = command == TrainCommand::learner;
  const auto run_of = [](const LanguageTrainOptions& options) -> const TrainOptions& {
    return options.run;
  };
  const auto without_workers = [&](LanguageTrainOptions& options) {
    if (learner) options.run.num_workers = 0;
  };
  const std::string algorithm = chosen_algorithm(words);
  reject_critic_options(algorithm, words);
  const LanguageTrainOptions options =
      parse_layered(words, language_defaults(algorithm), language_option_table, run_of, without_workers)
          .options;
  if (learner) check_learner(options.run);
  validate(options);
  return options;
}

std::string language_config_text(const LanguageTrainOptions& options) {
  return run_config_text(options, language_option_table);
}

std::string language_help(const std::string& algorithm, std::size_t width) {
  const LanguageTrainOptions defaults = language_defaults(algorithm);
  const bool critic = defaults.policy.baseline == Baseline::critic;
  return run_help(critic ? kPpoIntroduction : kIntroduction, defaults, language_option_table,
                  width);
}

}  // namespace rl::cli
