#include <c10/core/GradMode.h>

#include "support/torch_doctest.h"

#include <bit>
#include <cstring>
#include <map>

#include "models/language/tiny_models.h"
#include "rl/language/text_generator.h"

using namespace rl;
using namespace rl::testing;

namespace {

constexpr float kTemperature = 0.9F;

struct Sampled {
  std::vector<std::int64_t> tokens;  // prompt and completion
  std::size_t prompt = 0;            // tokens of the prompt
  std::vector<float> log_probs;      // of the completion's tokens
};

// Completions of prompts of many lengths in batches of changing size: requests come and go.
std::vector<Sampled> sample(const language::ModelConfig& config,
                            const language::ModelWeights& weights, std::size_t num_requests) {
  const auto generator = language::make_cpu_generator(
      config, weights, 1, {.page_size = 7, .max_sequences = 13, .prefill_tokens = 40,
                           .threads = 2});
  RngStream stream(5, RngRole::test, 0);
  std::map<std::pair<std::uint64_t, std::size_t>, Sampled> sequences;
  std::size_t submitted = 0;
  while (submitted < num_requests || !generator->idle()) {
    if (submitted < num_requests && (generator->idle() || stream.below(4) == 0)) {
      language::GenerationRequest request{.id = submitted, .num_samples = 1 + stream.below(4),
                                          .max_new_tokens = 1 + stream.below(60),
                                          .sampling = {.temperature = kTemperature},
                                          .seed = 9, .stream = submitted * 4};
      for (std::uint64_t i = stream.below(20) + 1; i > 0; --i) {
        request.prompt.push_back(static_cast<std::int32_t>(stream.below(config.vocabulary)));
      }
      for (std::size_t s = 0; s < request.num_samples; ++s) {
        Sampled& sequence = sequences[{request.id, s}];
        sequence.tokens.assign(request.prompt.begin(), request.prompt.end());
        sequence.prompt = request.prompt.size();
      }
      generator->submit(std::move(request));
      ++submitted;
    }
    for (const language::GeneratedToken& token : generator->step()) {
      Sampled& sequence = sequences[{token.request, token.sample}];
      sequence.tokens.push_back(token.token);
      sequence.log_probs.push_back(token.policy_log_prob);
    }
  }
  std::vector<Sampled> result;
  for (auto& [key, sequence] : sequences) result.push_back(std::move(sequence));
  return result;
}

// What the learner says of the same tokens, `count` sequences packed together at a time.
std::vector<float> learned(const LanguageModel& model, std::span<const Sampled> sequences) {
  PackedTokens packed;
  std::vector<std::int64_t> tokens;
  for (const Sampled& sequence : sequences) {
    packed.lengths.push_back(static_cast<std::int64_t>(sequence.tokens.size()));
    tokens.insert(tokens.end(), sequence.tokens.begin(), sequence.tokens.end());
  }
  packed.tokens = at::empty({static_cast<std::int64_t>(tokens.size())}, at::kLong);
  std::memcpy(packed.tokens.mutable_data_ptr(), tokens.data(), tokens.size() * 8);
  const c10::NoGradGuard no_graph;
  const at::Tensor log_probs =
      model.token_log_probs(model.hidden(packed), next_tokens(packed), kTemperature).log_probs;
  std::vector<float> of_completions;
  const float* row = log_probs.const_data_ptr<float>();
  for (const Sampled& sequence : sequences) {
    of_completions.insert(of_completions.end(), row + sequence.prompt - 1,
                          row + sequence.tokens.size() - 1);
    row += sequence.tokens.size();
  }
  return of_completions;
}

}  // namespace

TEST_SUITE("LanguageModel: sampled log-probs") {
  TEST_CASE("of 100,000 sampled tokens none has another log-prob, by a bit, when it is learned from") {
    std::size_t compared = 0;
    std::size_t different = 0;
    for (const auto& [name, config] : tiny_models()) {
      CAPTURE(name);
      const language::ModelWeights weights = lively_weights(config, 21);
      const auto sequences = sample(config, weights, 400);
      const LanguageModel model(config, weights, at::kCPU, {.threads = 2});
      for (std::size_t begin = 0; begin < sequences.size(); begin += 37) {
        const std::size_t count = std::min<std::size_t>(37, sequences.size() - begin);
        const auto part = std::span(sequences).subspan(begin, count);
        const std::vector<float> log_probs = learned(model, part);
        std::size_t i = 0;
        for (const Sampled& sequence : part) {
          for (const float sampled : sequence.log_probs) {
            different += std::bit_cast<std::uint32_t>(sampled) !=
                                 std::bit_cast<std::uint32_t>(log_probs[i++])
                             ? 1
                             : 0;
          }
        }
        REQUIRE(i == log_probs.size());
        compared += i;
      }
    }
    CHECK(compared >= 100'000);
    CHECK(different == 0);
  }
}
