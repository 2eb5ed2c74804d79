#include "apps/corral/generation.h"

#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/corral/command.h"
#include "apps/corral/generate_prompts.h"
#include "apps/corral/stop_signals.h"
#include "rl/cli/numbers.h"
#include "rl/language/model_files.h"
#include "rl/language/text_completion.h"
#include "rl/language/text_scorer.h"
#include "rl/language/thread_team.h"

namespace rl::app {
namespace {

using language::Completion;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

text::Tokenizer require_tokenizer(const language::ModelFolder& model, const std::string& folder) {
  if (model.tokenizer_json.empty()) {
    throw Error({.where = folder,
                 .what = "the model has no tokenizer",
                 .expected = "tokenizer.json beside config.json"});
  }
  return text::Tokenizer::from_json(model.tokenizer_json, folder + "/tokenizer.json");
}

language::ModelWeights weights_as(const language::ModelWeights& weights,
                                  const std::string& dtype) {
  if (dtype == "stored") return weights;
  return weights.as(dtype == "f32" ? DType::f32 : DType::bf16);
}

// Lines go to the file, or to stdout when none is named.
class LineFile {
 public:
  explicit LineFile(const std::string& name) : name_(name.empty() ? "stdout" : name) {
    if (name.empty()) return;
    file_.reset(std::fopen(name.c_str(), "wb"));
    if (!file_) fail("cannot be written");
  }

  void write(const std::string& line) {
    std::FILE* file = file_ ? file_.get() : stdout;
    if (std::fprintf(file, "%s\n", line.c_str()) < 0 || std::fflush(file) != 0) {
      fail("was not written to the end");
    }
  }

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };

  [[noreturn]] void fail(const char* what) const {
    throw Error({.where = name_,
                 .what = std::string("the file ") + what,
                 .remedy = "is the folder there, may it be written, is the disk full?"});
  }

  std::string name_;
  std::unique_ptr<std::FILE, Closer> file_;
};

// Another model that scores what is sampled. The difference of the log-probs, summed over a
// completion, estimates the KL divergence from it.
class Reference {
 public:
  Reference(const std::string& folder, const text::Tokenizer& policy, std::size_t threads)
      : model_(language::load_model(folder)),
        scorer_(model_.config, model_.weights,
                threads > 0 ? threads : language::default_team_size()) {
    require_tokenizer(model_, folder).require_same_tokens(policy, folder);
  }

  std::vector<float> log_probs(const Prompt& prompt, const Completion& completion) {
    std::vector<language::TokenId> tokens = prompt.tokens;
    tokens.insert(tokens.end(), completion.tokens.begin(), completion.tokens.end());
    return scorer_.log_probs(tokens, prompt.tokens.size());
  }

 private:
  language::ModelFolder model_;
  language::TextScorer scorer_;
};

std::string json_line(const Prompt& prompt, const std::vector<Completion>& completions,
                      Reference* reference) {
  nlohmann::ordered_json line;
  line["prompt"] = prompt.text;
  for (const Completion& completion : completions) {
    nlohmann::ordered_json each;
    each["text"] = completion.text;
    each["tokens"] = completion.tokens;
    each["log_probs"] = completion.log_probs;
    if (reference != nullptr) {
      each["reference_log_probs"] = reference->log_probs(prompt, completion);
    }
    each["finish_reason"] = language::name_of(completion.reason);
    line["completions"].push_back(std::move(each));
  }
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

struct Counts {
  std::size_t prompts = 0;
  std::size_t prompt_tokens = 0;
  std::size_t tokens = 0;
  double first_token_seconds = 0.0;
  double seconds = 0.0;
  std::string reasons;
};

std::string rate(double count, double seconds) {
  return cli::group_digits(static_cast<std::uint64_t>(seconds > 0.0 ? count / seconds : 0.0)) +
         " tokens/s";
}

void print_counts(const Counts& counts) {
  const auto tokens = static_cast<double>(counts.tokens);
  std::string text = cli::group_digits(counts.tokens) + " tokens";
  if (counts.prompts == 1) {
    // The first token comes out of the prompt's forward pass.
    text += ", prompt of " + cli::group_digits(counts.prompt_tokens) + " read at " +
            rate(static_cast<double>(counts.prompt_tokens), counts.first_token_seconds) +
            ", decoded at " + rate(tokens - 1.0, counts.seconds - counts.first_token_seconds);
  } else {
    text += " for " + cli::group_digits(counts.prompts) + " prompts of " +
            cli::group_digits(counts.prompt_tokens) + " tokens, " + rate(tokens, counts.seconds);
  }
  std::fprintf(stderr, "%s; finished: %s\n", text.c_str(), counts.reasons.c_str());
}

// Runs all prompts; what is finished is shown or written in the order of the prompts.
class Generation {
 public:
  Generation(const GenerateOptions& options, std::vector<Prompt> prompts,
             language::TextCompleter& completer, Reference* reference)
      : options_(options),
        prompts_(std::move(prompts)),
        completer_(completer),
        reference_(reference) {
    if (!options.has_prompt || !options.out.empty()) lines_.emplace(options.out);
    streams_ = options.has_prompt && options.n == 1;
  }

  void submit(const std::vector<language::TokenId>& stop_ids) {
    language::CompletionOptions completion = completion_options(options_, stop_ids);
    for (const Prompt& prompt : prompts_) {
      try {
        completer_.submit(prompt.tokens, completion);
      } catch (const Error& error) {
        throw Error({.where = prompt.where, .what = error.what()});
      }
      completion.stream += options_.n;
      counts_.prompt_tokens += prompt.tokens.size();
    }
    counts_.prompts = prompts_.size();
  }

  // False when it was stopped.
  bool run(const std::atomic<bool>& stop) {
    const Clock::time_point start = Clock::now();
    while (!completer_.idle() && !stop) {
      for (const language::TextPiece& piece : completer_.step()) show(piece);
      if (counts_.first_token_seconds == 0.0) counts_.first_token_seconds = seconds_since(start);
      while (written_ < prompts_.size() && completer_.finished(written_)) write_next();
    }
    counts_.seconds = seconds_since(start);
    const bool stopped = !completer_.idle();
    // What a stopped run has of its one prompt is shown; a file gets whole lines only.
    if (stopped && options_.has_prompt) write_next();
    if (streams_) std::printf("\n");
    for (const auto& [reason, count] : reasons_) {
      counts_.reasons += (counts_.reasons.empty() ? "" : ", ") + reason +
                         (counts_.prompts * options_.n > 1 ? " " + std::to_string(count) : "");
    }
    if (counts_.reasons.empty()) counts_.reasons = "none";
    print_counts(counts_);
    return !stopped;
  }

 private:
  void show(const language::TextPiece& piece) const {
    if (!streams_) return;
    std::fwrite(piece.text.data(), 1, piece.text.size(), stdout);
    std::fflush(stdout);
  }

  void write_next() {
    const std::vector<Completion> completions = completer_.take(written_);
    for (std::size_t i = 0; i < completions.size(); ++i) {
      counts_.tokens += completions[i].tokens.size();
      ++reasons_[std::string(language::name_of(completions[i].reason))];
      if (options_.has_prompt && !streams_) {
        std::printf("--- %zu of %zu\n%s\n", i + 1, completions.size(),
                    completions[i].text.c_str());
      }
    }
    if (lines_) lines_->write(json_line(prompts_[written_], completions, reference_));
    ++written_;
  }

  const GenerateOptions& options_;
  std::vector<Prompt> prompts_;
  language::TextCompleter& completer_;
  Reference* reference_;  // nullptr: none
  std::optional<LineFile> lines_;
  bool streams_ = false;
  std::size_t written_ = 0;
  std::map<std::string, std::size_t> reasons_;
  Counts counts_;
};

}  // namespace

int generate(const GenerateOptions& options, const language::GeneratorFactory& make_generator) {
  const StopSignals& signals = stop_on_signals("stopping; again: at once");
  const language::ModelFolder model = language::load_model(options.model);
  const text::Tokenizer tokenizer = require_tokenizer(model, options.model);
  std::vector<Prompt> prompts = read_prompts(options, model, tokenizer);

  language::GeneratorOptions generator_options;
  generator_options.threads = options.threads;
  generator_options.max_sequences = options.batch;
  const auto generator = make_generator(
      model.config, weights_as(model.weights, options.dtype), 0, generator_options);
  language::TextCompleter completer(*generator, tokenizer);
  std::optional<Reference> reference;
  if (!options.reference.empty()) {
    reference.emplace(options.reference, tokenizer, options.threads);
  }
  Generation generation(options, std::move(prompts), completer,
                        reference ? &*reference : nullptr);
  generation.submit(model.stop_ids);
  return generation.run(signals.stop) ? kDone : kStopped;
}

}  // namespace rl::app
