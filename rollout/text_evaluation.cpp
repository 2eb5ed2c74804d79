#include "rl/rollout/text_evaluation.h"

#include <algorithm>
#include <cmath>

#include "rl/core/error.h"
#include "rollout/text_model.h"
#include "rollout/text_player.h"
#include "rollout/text_problems.h"
#include "rollout/text_scoring.h"

namespace rl::rollout {
namespace {

using language::FinishReason;

struct Questions {
  std::vector<TextPrompt> prompts;
  std::uint64_t excluded = 0;
};

Questions all_questions(const RunConfig& config, const PromptEncoder& encoder,
                        const std::string& file) {
  if (file.empty()) {
    const auto problems = make_text_problems(config, encoder);
    auto prompts = problems->held_out();
    return {std::move(prompts), problems->excluded().total()};
  }
  PromptSieve sieve(encoder, config.text->max_prompt_tokens);
  auto prompts = read_prompts(file, config.text->skip_broken_lines, sieve);
  return {std::move(prompts), sieve.excluded().total()};
}

Questions questions_of(const RunConfig& config, const PromptEncoder& encoder,
                       const TextEvaluationOptions& options) {
  Questions questions = all_questions(config, encoder, options.file);
  auto& prompts = questions.prompts;
  if (options.most > 0 && prompts.size() > options.most) prompts.resize(options.most);
  if (!prompts.empty()) return questions;
  throw Error({.where = options.file.empty() ? "text run" : options.file,
               .what = "there is no problem to evaluate with",
               .expected = "held-out problems of at most " +
                           std::to_string(config.text->max_prompt_tokens) + " prompt tokens",
               .got = std::to_string(questions.excluded) + " passed over"});
}

// Room for the longest texts that can be played together, not for the model's whole context.
language::GeneratorOptions sized(language::GeneratorOptions options,
                                 const std::vector<TextPrompt>& prompts,
                                 std::size_t max_new_tokens) {
  options.max_sequences = std::clamp<std::size_t>(options.max_sequences, 1, prompts.size());
  if (options.cache_pages > 0 || options.page_size == 0) return options;
  std::size_t longest = 0;
  for (const TextPrompt& prompt : prompts) longest = std::max(longest, prompt.tokens.size());
  const std::size_t pages = (longest + max_new_tokens) / options.page_size + 1;
  options.cache_pages = options.max_sequences * pages;
  return options;
}

class Evaluation {
 public:
  Evaluation(const RunConfig& config, const WeightSnapshot& snapshot,
             const TextEvaluationOptions& options, const language::VerifierRegistry& verifiers)
      : text_(*config.text),
        stop_(options.stop),
        model_(read_text_model(snapshot, text_)),
        encoder_(text_, model_),
        questions_(questions_of(config, encoder_, options)),
        prompts_(questions_.prompts),
        scorer_(make_scorer(text_, verifiers)),
        generator_(options.make_generator(
            model_.config, model_.weights, snapshot.version,
            sized(options.generator, prompts_, text_.max_new_tokens))),
        player_(*generator_, encoder_.tokenizer(),
                {.max_new_tokens = text_.max_new_tokens,
                 .sampling = {.temperature = 0.0F},
                 .stop_ids = model_.stop_ids,
                 .seed = config.seed},
                make_text_tool(text_.tool)),
        version_(snapshot.version) {}

  TextEvaluation run() {
    for (std::size_t i = 0; i < prompts_.size(); ++i) {
      player_.begin(prompts_[i].tokens, 1, i, version_);
    }
    std::vector<std::optional<TextAnswer>> answers(prompts_.size());
    while (!player_.idle() && !(stop_ != nullptr && *stop_)) {
      for (const PlayedText& played : player_.step()) answers[played.stream] = answer_of(played);
    }
    TextEvaluation evaluation{.weight_version = version_, .excluded = questions_.excluded};
    for (auto& answer : answers) {
      if (answer) evaluation.answers.push_back(std::move(*answer));
    }
    return evaluation;
  }

 private:
  TextAnswer answer_of(const PlayedText& played) {
    const TextPrompt& prompt = prompts_[played.stream];
    TextAnswer answer{.prompt = encoder_.tokenizer().decode(prompt.tokens),
                      .expected = prompt.problem.answer,
                      .completion = player_.completion(played),
                      .tokens = static_cast<std::uint32_t>(played.completion_tokens()),
                      .truncated = played.reason != FinishReason::stop};
    if (answer.truncated && !text_.score_truncated) return answer;
    const language::Verdict verdict =
        scorer_.score(prompt.problem, {answer.completion, played.tokens});
    answer.score = verdict.score;
    answer.scored = verdict.scored;
    return answer;
  }

  TextRunConfig text_;
  const std::atomic<bool>* stop_;
  language::ModelImage model_;
  PromptEncoder encoder_;
  Questions questions_;
  const std::vector<TextPrompt>& prompts_;
  language::Scorer scorer_;
  std::unique_ptr<language::TextGenerator> generator_;
  TextPlayer player_;
  std::uint64_t version_;
};

}  // namespace

double TextEvaluation::mean_score() const {
  const std::size_t scored = answers.size() - unscored();
  double sum = 0.0;
  for (const TextAnswer& answer : answers) sum += answer.scored ? answer.score : 0.0;
  return scored == 0 ? 0.0 : sum / static_cast<double>(scored);
}

double TextEvaluation::standard_error() const {
  const auto n = static_cast<double>(answers.size() - unscored());
  if (n < 2.0) return 0.0;
  const double center = mean_score();
  double squares = 0.0;
  for (const TextAnswer& answer : answers) {
    if (answer.scored) squares += (answer.score - center) * (answer.score - center);
  }
  return std::sqrt(squares / (n - 1.0) / n);
}

double TextEvaluation::mean_tokens() const {
  double sum = 0.0;
  for (const TextAnswer& answer : answers) sum += answer.tokens;
  return answers.empty() ? 0.0 : sum / static_cast<double>(answers.size());
}

std::size_t TextEvaluation::unscored() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(answers, [](const TextAnswer& answer) { return !answer.scored; }));
}

TextEvaluation evaluate_text(const RunConfig& config, const WeightSnapshot& snapshot,
                             const TextEvaluationOptions& options,
                             const language::VerifierRegistry& verifiers) {
  if (!config.text) {
    throw Error({.where = "text evaluation", .what = "the run is not one of texts",
                 .got = config.environment});
  }
  return Evaluation(config, snapshot, options, verifiers).run();
}

}  // namespace rl::rollout
