// corral: the light half of the program. It links no LibTorch, so that worker processes start in
// milliseconds; train and learner go on in corral-learner, which lies beside it.
#include <cstdio>
#include <vector>

#include "apps/corral/command.h"
#include "apps/corral/terminal.h"
#include "rl/cli/algorithm_choice.h"
#include "rl/cli/language_command_line.h"
#include "rl/cli/fine_tune_command_line.h"
#include "rl/cli/train_command_line.h"
#include "rl/core/suggest.h"

namespace rl::app {
namespace {

struct Command {
  const char* name;
  const char* usage;    // what follows the name
  const char* summary;  // one line
  int (*run)(const std::vector<std::string>& words);
  std::string (*help)(std::size_t width);
};

std::string train_help(std::size_t width) {
  return cli::train_help(cli::TrainCommand::train, width);
}

std::string learner_help(std::size_t width) {
  return cli::train_help(cli::TrainCommand::learner, width);
}

constexpr Command kCommands[] = {
    {"train", "[--NAME VALUE]...", "train a policy, with local workers", run_train, train_help},
    {"eval", "--run DIR", "play episodes with trained weights, and show them", run_eval, eval_help},
    {"inspect", "DIR", "what is in a run, a checkpoint, a language model or a weights file",
     run_inspect, inspect_help},
    {"init-model", "--out DIR", "a language model with random weights", run_init_model,
     init_model_help},
    {"copy-model", "FROM TO", "a language model checked, and written in another dtype or shards",
     run_copy_model, copy_model_help},
    {"make-data", "--out FILE", "problems with known answers, to train language models on",
     run_make_data, make_data_help},
    {"generate", "--model DIR", "continue texts with a language model", run_generate,
     generate_help},
    {"envs", "[NAME]", "the environments there are", run_envs, envs_help},
    {"algorithms", "", "the algorithms there are", run_algorithms, algorithms_help},
    {"learner", "--bind URL", "train with workers started by hand, here or on other hosts",
     run_learner, learner_help},
    {"worker", "--connect URL", "step environments for a learner", run_worker_command, worker_help},
    {"keygen", "DIR", "keys for learners and workers that talk over a network", run_keygen,
     keygen_help},
};

void print_overview() {
  std::printf("corral %s: reinforcement learning, from worker processes to the learner and back\n"
              "\nUsage: corral COMMAND [--NAME VALUE]...\n\n",
              CORRAL_VERSION);
  for (const Command& command : kCommands) {
    const std::string left = std::string(command.name) + " " + command.usage;
    std::printf("  %-26s%s\n", left.c_str(), command.summary);
  }
  std::printf("  %-26s%s\n  %-26s%s\n", "help [COMMAND]", "this text, or all about a command",
              "version", "which version this is");
  std::printf("\nFirst steps:\n"
              "  corral train --env CartPole-v1 --workers 4 --stop-return 475 --out runs/cartpole\n"
              "  corral eval --run runs/cartpole --episodes 3 --render ascii\n");
}

const Command& find_command(const std::string& name) {
  std::vector<std::string> names{"help", "version"};
  for (const Command& command : kCommands) {
    if (name == command.name) return command;
    names.push_back(command.name);
  }
  throw UsageError("there is no command '" + name + "'; " + suggest(name, names));
}

// What `train` takes depends on the algorithm.
std::string help_of(const Command& command, const std::vector<std::string>& words) {
  if (command.run != run_train && command.run != run_learner) return command.help(text_width());
  const std::string algorithm = understand([&] { return cli::chosen_algorithm(words); });
  const bool texts = understand([&] { return cli::is_language_policy(words); });
  if (texts) return cli::language_help(algorithm, text_width());
  const bool tunes = command.run == run_train && cli::is_language_algorithm(algorithm);
  return tunes ? cli::fine_tune_help(algorithm, text_width()) : command.help(text_width());
}

int print_help(const std::vector<std::string>& words) {
  if (words.empty()) return print_overview(), kDone;
  std::fputs(help_of(find_command(words[0]), {words.begin() + 1, words.end()}).c_str(), stdout);
  return kDone;
}

bool asks_for_help(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (word == "--help" || word == "-h") return true;
  }
  return false;
}

int dispatch(const std::string& name, const std::vector<std::string>& words) {
  if (name == "help" || name == "--help" || name == "-h") return print_help(words);
  if (name == "version" || name == "--version") {
    std::printf("corral %s\n", CORRAL_VERSION);
    return kDone;
  }
  const Command& command = find_command(name);
  if (!asks_for_help(words)) return command.run(words);
  std::fputs(help_of(command, words).c_str(), stdout);
  return kDone;
}

}  // namespace

}  // namespace rl::app

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty()) {
    rl::app::print_overview();
    return rl::app::kDone;
  }
  const bool known_word = !words[0].starts_with('-');
  return rl::app::run_reporting(known_word ? "corral " + words[0] : "corral", [&] {
    return rl::app::dispatch(words[0], {words.begin() + 1, words.end()});
  });
}
