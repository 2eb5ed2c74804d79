#include "rl/cli/language_command_line.h"

#include "rl/cli/algorithm_choice.h"
#include "rl/cli/command_line.h"
#include "rl/cli/help.h"
#include "rl/cli/ini.h"
#include "rl/core/error.h"
#include "src/cli/option_layers.h"

namespace rl::cli {
namespace {

struct Request {
  LanguageTrainOptions options{};
  std::string config{};
};

Request initial_request(TrainCommand command, const std::string& algorithm) {
  Request request;
  request.options.run.algorithm = algorithm;
  request.options.policy = language_policy_preset(algorithm);
  if (command == TrainCommand::learner) request.options.run.num_workers = 0;
  return request;
}

OptionTable request_table(Request& request) {
  OptionTable table = language_option_table(request.options);
  table.group("Configuration");
  table.add({"config", &request.config, "FILE", {},
             "read options from an INI file; the command line wins", {}, false});
  return table;
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

}  // namespace

LanguageTrainOptions parse_language_command_line(TrainCommand command,
                                                 const std::vector<std::string>& words) {
  const std::string algorithm = chosen_algorithm(words);
  Request typed = initial_request(command, algorithm);
  OptionTable typed_table = request_table(typed);
  const std::vector<Assignment> assignments =
      parse_command_line(typed_table, words, 0).assignments;
  typed_table.set_all(assignments);

  Request request = initial_request(command, algorithm);
  OptionTable table = request_table(request);
  set_layers(table, {.resume = typed.options.run.resume, .out = typed.options.run.out,
                     .config = typed.config});
  if (command == TrainCommand::learner) request.options.run.num_workers = 0;
  table.set_all(assignments);
  if (command == TrainCommand::learner) check_learner(request.options.run);
  validate(request.options);
  return request.options;
}

std::string language_config_text(const LanguageTrainOptions& options) {
  LanguageTrainOptions copy = options;
  return "# The resolved options of a run. Run it again: corral train --config FILE --out DIR\n" +
         to_ini(language_option_table(copy));
}

std::string language_help(const std::string& algorithm, std::size_t width) {
  Request request = initial_request(TrainCommand::train, algorithm);
  return std::string(kIntroduction) + "\n" + option_help(request_table(request), width) +
         "\nNumbers may be written 100000, 100_000 or 1e5. A flag may be followed by true or "
         "false.\n"
         "Exit status: 0 the run ended by itself, 3 it was stopped and can be resumed, 1 it "
         "failed,\n"
         "2 an option was wrong, 130 or 143 it was stopped at once.\n";
}

}  // namespace rl::cli
