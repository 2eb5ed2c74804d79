#include "rollout/text_problems.h"

#include <unordered_set>

#include "rl/core/error.h"
#include "rl/core/shuffle.h"
#include "rl/language/problem_file.h"

namespace rl::rollout {
namespace {

using language::TextProblem;
using Texts = std::unordered_set<std::string>;

// So many draws without a usable problem mean that there is none.
constexpr std::size_t kMostFutileDraws = 100'000;

std::string last_of(const ExcludedPrompts& excluded) {
  return excluded.last.empty() ? "" : "; the last one passed over: " + excluded.last;
}

class TaskProblems final : public TextProblems {
 public:
  TaskProblems(const RunConfig& config, const PromptEncoder& encoder)
      : name_(config.text->task),
        seed_(config.seed),
        task_(make_text_task(config.text->task_options())),
        sieve_(encoder, config.text->max_prompt_tokens) {
    held_out_ = make_task_data(*task_, 0, config.text->held_out, seed_).held_out;
    for (const TextProblem& problem : held_out_) reserved_.insert(task_->identity(problem));
  }

  TextPrompt training(std::uint64_t number) override {
    RngStream stream(seed_, RngRole::text_prompt, number);
    for (std::size_t draw = 0; draw < kMostFutileDraws; ++draw) {
      const TextProblem problem = task_->draw(stream);
      if (reserved_.contains(task_->identity(problem))) continue;
      if (auto prompt = sieve_.pass(problem)) return std::move(*prompt);
    }
    throw Error({.where = "task '" + name_ + "'",
                 .what = "there is no problem to train on",
                 .expected = "problems that are not held out, of at most " +
                             std::to_string(sieve_.max_prompt_tokens()) + " prompt tokens",
                 .got = std::to_string(reserved_.size()) + " held out" + last_of(excluded()),
                 .remedy = "hold out fewer, make problems larger or allow longer prompts"});
  }

  std::vector<TextPrompt> held_out() override { return sieve_.pass(held_out_); }
  const ExcludedPrompts& excluded() const override { return sieve_.excluded(); }

 private:
  std::string name_;
  std::uint64_t seed_;
  std::unique_ptr<language::TextTask> task_;
  PromptSieve sieve_;
  std::vector<TextProblem> held_out_;
  Texts reserved_;
};

class FileProblems final : public TextProblems {
 public:
  FileProblems(const RunConfig& config, const PromptEncoder& encoder)
      : file_(config.text->prompts_file),
        seed_(config.seed),
        sieve_(encoder, config.text->max_prompt_tokens) {
    const auto read = language::read_problem_file(file_, config.text->skip_broken_lines);
    require_digest(read.digest, config.text->prompts_digest);
    sieve_.count_broken(read.broken);
    divide(sieve_.pass(read.problems), config.text->held_out);
  }

  TextPrompt training(std::uint64_t number) override {
    if (training_.empty()) {
      throw Error({.where = file_,
                   .what = "there is no problem to train on",
                   .expected = "problems beyond those held out, of at most " +
                               std::to_string(sieve_.max_prompt_tokens()) + " prompt tokens",
                   .got = std::to_string(held_out_.size()) + " held out and " +
                          std::to_string(excluded().total()) + " passed over" +
                          last_of(excluded())});
    }
    const std::uint64_t epoch = number / training_.size();
    if (order_.empty() || epoch != epoch_) {
      order_ = shuffled_indices(training_.size(), RngStream(seed_, RngRole::text_prompt, epoch));
      epoch_ = epoch;
    }
    return training_[order_[number % training_.size()]];
  }

  std::vector<TextPrompt> held_out() override { return held_out_; }
  const ExcludedPrompts& excluded() const override { return sieve_.excluded(); }

 private:
  void require_digest(const std::string& got, const std::string& wanted) const {
    if (wanted.empty() || got == wanted) return;
    throw Error({.where = file_, .what = "it is not the file that the learner has",
                 .expected = "digest " + wanted, .got = got,
                 .remedy = "copy the learner's file to this machine"});
  }

  // Held out are different prompts, drawn with the seed; training keeps none of the same text.
  void divide(std::vector<TextPrompt> usable, std::size_t held_out) {
    Texts reserved;
    std::vector<bool> taken(usable.size(), false);
    for (const std::size_t i : shuffled_indices(usable.size(), RngStream(seed_, RngRole::text_task, 0))) {
      if (reserved.size() == held_out) break;
      taken[i] = reserved.insert(usable[i].problem.prompt).second;
      if (taken[i]) held_out_.push_back(usable[i]);
    }
    for (std::size_t i = 0; i < usable.size(); ++i) {
      if (taken[i] || reserved.contains(usable[i].problem.prompt)) continue;
      training_.push_back(std::move(usable[i]));
    }
  }

  std::string file_;
  std::uint64_t seed_;
  PromptSieve sieve_;
  std::vector<TextPrompt> training_, held_out_;
  std::vector<std::size_t> order_;  // of the epoch
  std::uint64_t epoch_ = 0;
};

}  // namespace

std::optional<TextPrompt> PromptSieve::pass(const TextProblem& problem) {
  const auto keep_back = [&](std::uint64_t& count, const std::string& why) {
    ++count;
    excluded_.last = "'" + problem.prompt.substr(0, 60) + "': " + why;
    return std::nullopt;
  };
  TextPrompt prompt{problem, {}};
  try {
    prompt.tokens = encoder_.encode(problem.prompt);
  } catch (const Error& error) {
    return keep_back(excluded_.refused, error.what());
  }
  const std::size_t tokens = prompt.tokens.size();
  if (tokens == 0) return keep_back(excluded_.empty, "no token is left of it");
  if (tokens <= max_prompt_tokens_) return prompt;
  return keep_back(excluded_.too_long, std::to_string(tokens) + " tokens, allowed " +
                                           std::to_string(max_prompt_tokens_));
}

std::vector<TextPrompt> PromptSieve::pass(const std::vector<TextProblem>& problems) {
  std::vector<TextPrompt> prompts;
  for (const TextProblem& problem : problems) {
    if (auto prompt = pass(problem)) prompts.push_back(std::move(*prompt));
  }
  return prompts;
}

std::unique_ptr<TextProblems> make_text_problems(const RunConfig& config,
                                                 const PromptEncoder& encoder) {
  if (config.text->from_file()) return std::make_unique<FileProblems>(config, encoder);
  return std::make_unique<TaskProblems>(config, encoder);
}

std::vector<TextPrompt> read_prompts(const std::string& file, bool skip_broken_lines,
                                     PromptSieve& sieve) {
  const auto read = language::read_problem_file(file, skip_broken_lines);
  sieve.count_broken(read.broken);
  return sieve.pass(read.problems);
}

}  // namespace rl::rollout
