#include "learner/language/answers.h"

#include <algorithm>
#include <map>

#include "learner/language/sample_lines.h"
#include "rl/language/text_generator.h"
#include "rl/learner/device_generators.h"

namespace rl {
namespace {

using language::TrainingExample;
using text::TokenId;

constexpr std::size_t kTogether = 64;  // sequences decoded together

bool can_be_answered(const TrainingExample& example, const AnswerOptions& options) {
  if (example.answer_begin == 0) return false;
  if (!options.to_compare) return true;
  return !example.truncated &&
         example.answer_end - example.answer_begin <= options.max_new_tokens;
}

// Room for the longest sequences that can run together, not for the model's whole context.
language::GeneratorOptions generator_options(const std::vector<const TrainingExample*>& examples,
                                             const AnswerOptions& options, std::size_t context) {
  language::GeneratorOptions result;
  result.threads = options.threads;
  result.max_sequences = std::min(kTogether, examples.size());
  std::size_t longest = 0;
  for (const auto* example : examples) longest = std::max(longest, example->answer_begin);
  const std::size_t positions = std::min(longest + options.max_new_tokens + 1, context);
  result.cache_pages =
      result.max_sequences * ((positions + result.page_size - 1) / result.page_size);
  return result;
}

language::GenerationRequest request_of(const TrainingExample& example, std::uint64_t id,
                                       const ModelText& text, const AnswerOptions& options) {
  const auto answer = example.tokens.begin() + static_cast<std::ptrdiff_t>(example.answer_begin);
  language::GenerationRequest request;
  request.id = id;
  request.prompt.assign(example.tokens.begin(), answer);
  request.max_new_tokens = options.max_new_tokens;
  request.sampling.temperature = 0.0F;
  request.stop_ids = text.stop_ids;
  return request;
}

// The text of an answer without the token that ends it.
std::string text_of(std::span<const TokenId> tokens, const ModelText& text) {
  if (!tokens.empty() && std::ranges::find(text.stop_ids, tokens.back()) != text.stop_ids.end()) {
    tokens = tokens.first(tokens.size() - 1);
  }
  return text.tokenizer.decode(tokens);
}

}  // namespace

std::vector<Answer> answer_examples(const language::ModelConfig& config,
                                    const language::ModelWeights& weights, const ModelText& text,
                                    const std::vector<TrainingExample>& examples,
                                    const AnswerOptions& options) {
  std::vector<const TrainingExample*> asked;
  for (const TrainingExample& example : examples) {
    if (asked.size() == options.most) break;
    if (can_be_answered(example, options)) asked.push_back(&example);
  }
  if (asked.empty()) return {};
  const language::GeneratorFactory make = options.device == "cpu"
                                              ? &language::make_cpu_generator
                                              : device_generators(options.device);
  const auto generator =
      make(config, weights, 1, generator_options(asked, options, config.context));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    generator->submit(request_of(*asked[i], i, text, options));
  }
  std::vector<std::vector<TokenId>> tokens(asked.size());
  std::vector<bool> stopped(asked.size(), false);
  while (!generator->idle()) {
    for (const language::GeneratedToken& token : generator->step()) {
      tokens[token.request].push_back(token.token);
      if (token.last) stopped[token.request] = token.reason == language::FinishReason::stop;
    }
  }
  std::vector<Answer> answers;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const std::span<const TokenId> all(asked[i]->tokens);
    const std::size_t begin = asked[i]->answer_begin;
    Answer answer{.prompt = text.tokenizer.decode(all.first(begin)),
                  .expected = text_of(all.subspan(begin, asked[i]->answer_end - begin), text),
                  .completion = text_of(tokens[i], text)};
    answer.exact = stopped[i] && answer.completion == answer.expected;
    answers.push_back(std::move(answer));
  }
  return answers;
}

std::string to_lines(std::span<const Answer> answers) {
  std::string lines;
  for (const Answer& answer : answers) {
    const nlohmann::ordered_json row = {{"prompt", answer.prompt},
                                        {"completion", answer.completion},
                                        {"expected", answer.expected},
                                        {"exact", answer.exact}};
    lines += json_line(row);
  }
  return lines;
}

}  // namespace rl
