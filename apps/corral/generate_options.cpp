#include "apps/corral/generate_options.h"

#include "rl/cli/command_line.h"
#include "rl/cli/help.h"
#include "rl/core/error.h"

namespace rl::app {
namespace {

constexpr const char* kStop = "stop";

cli::OptionTable option_table(GenerateOptions& options, std::string& stop) {
  cli::OptionTable table;
  table.add({"model", &options.model, "DIR", {}, "a model in Hugging Face's layout"});
  table.add({"prompt", &options.prompt, "TEXT", {}, "to continue; the text goes to stdout"});
  table.add({"prompts", &options.prompts, "FILE.jsonl", {},
             "many prompts: a line each with \"prompt\" or \"messages\""});
  table.add({"out", &options.out, "FILE.jsonl", {},
             "completions with tokens and log-probs, a line per prompt (of --prompts: default "
             "stdout)"});
  table.add({"reference", &options.reference, "DIR", {},
             "a model with the same tokenizer whose log-probs of the samples go to --out too"});
  table.add({"chat", &options.chat, "", {}, "prompts are a user's turn: the model's chat template"});
  table.add({"system", &options.system, "TEXT", {}, "the system message before it"});
  table.group("Sampling");
  table.add({"max-new", &options.max_new, "tokens", {.low = 1, .high = 1e9}, "most per sample"});
  table.add({"temperature", &options.temperature, "", {.low = 0, .high = 1e3},
             "0: always the likeliest token"});
  table.add({"top-k", &options.top_k, "tokens", {.low = 0, .high = 1e9},
             "only the k likeliest; 0: all"});
  table.add({"top-p", &options.top_p, "", {.low = 0, .high = 1, .low_open = true},
             "then the fewest whose probability reaches p"});
  table.add({"min-p", &options.min_p, "", {.low = 0, .high = 1},
             "then those with this part of the highest probability"});
  table.add({"seed", &options.seed, "", {}, "same seed: same text"});
  table.add({"n", &options.n, "samples", {.low = 1, .high = 65536}, "of each prompt"});
  table.add({kStop, &stop, "TEXT", {}, "end before this text; may be given many times"});
  table.add({"ignore-eos", &options.ignore_eos, "", {}, "go on after the model's end tokens"});
  table.group("Machine");
  table.add({"device", &options.device, "DEVICE", {},
             "cuda: by LibTorch on the first GPU, log-probs up to rounding", {"cpu", "cuda"}});
  table.add({"no-graphs", &options.no_graphs, "", {},
             "cuda: launch every operation by itself, to compare with whole steps"});
  table.add({"threads", &options.threads, "", {.low = 0, .high = 1024}, "0: the machine's"});
  table.add({"batch", &options.batch, "samples", {.low = 1, .high = 65536}, "decoded together"});
  table.add({"dtype", &options.dtype, "TYPE", {}, "of the weights in memory",
             {"stored", "f32", "bf16"}});
  return table;
}

void reject(const std::string& what, const std::string& expected, const std::string& remedy) {
  throw Error({.where = cli::kCommandLine,
               .what = what,
               .expected = expected,
               .remedy = remedy});
}

void check(const GenerateOptions& options) {
  if (options.model.empty()) reject("no model is named", "--model DIR", "");
  if (!options.has_prompt && options.prompts.empty()) {
    reject("there is nothing to continue", "--prompt TEXT or --prompts FILE.jsonl", "");
  }
  if (options.has_prompt && !options.prompts.empty()) {
    reject("--prompt and --prompts exclude each other", "", "remove one of them");
  }
  if (!options.reference.empty() && options.has_prompt && options.out.empty()) {
    reject("--reference has no effect without a file", "--out FILE.jsonl", "add --out");
  }
  if (options.no_graphs && options.device == "cpu") {
    reject("--no-graphs has no effect without a GPU", "--device cuda", "add --device cuda");
  }
  if (!options.system.empty() && !options.chat) {
    reject("--system has no effect without --chat", "", "add --chat");
  }
}

}  // namespace

GenerateOptions parse_generate_options(const std::vector<std::string>& words) {
  GenerateOptions options;
  std::string stop;
  cli::OptionTable table = option_table(options, stop);
  cli::CommandLine line = cli::parse_command_line(table, words, 0);
  // The one option that may be repeated.
  std::erase_if(line.assignments, [&](const cli::Assignment& assignment) {
    if (assignment.name == kStop) options.stops.push_back(assignment.value);
    if (assignment.name == "prompt") options.has_prompt = true;
    return assignment.name == kStop;
  });
  table.set_all(line.assignments);
  check(options);
  validate(completion_options(options, {}).sampling);
  for (const std::string& text : options.stops) {
    if (text.empty()) reject("--stop is empty", "a text", "");
  }
  return options;
}

std::string generate_help(std::size_t width) {
  GenerateOptions options;
  std::string stop;
  return "corral generate: continues texts with a language model.\n"
         "\n"
         "Usage: corral generate --model DIR --prompt TEXT [--NAME VALUE]...\n"
         "       corral generate --model DIR --prompts FILE.jsonl --out FILE.jsonl\n"
         "\n"
         "A story, at most 200 tokens of it:\n"
         "  corral generate --model stories260k --prompt \"Once upon a time\" --max-new 200\n"
         "\n"
         "An answer in the model's chat format, the likeliest token each time:\n"
         "  corral generate --model DIR --chat --prompt \"What is 2+2?\" --temperature 0\n"
         "\n"
         "Eight samples of every problem, with tokens and log-probs:\n"
         "  corral generate --model DIR --prompts problems.jsonl --n 8 --out samples.jsonl\n"
         "\n" +
         cli::option_help(option_table(options, stop), width);
}

language::CompletionOptions completion_options(const GenerateOptions& options,
                                               const std::vector<language::TokenId>& stop_ids) {
  language::CompletionOptions completion;
  completion.max_new_tokens = options.max_new;
  completion.num_samples = options.n;
  completion.sampling = {.temperature = static_cast<float>(options.temperature),
                         .top_k = options.top_k,
                         .top_p = static_cast<float>(options.top_p),
                         .min_p = static_cast<float>(options.min_p)};
  if (!options.ignore_eos) completion.stop_ids = stop_ids;
  completion.stop_texts = options.stops;
  completion.seed = options.seed;
  return completion;
}

}  // namespace rl::app
