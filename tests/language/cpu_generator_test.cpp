// The generator with real kernels: the same bits whatever the batch, threads, pages and CPU, and
// the log-probs of a plain forward pass over the whole sequence.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "rl/core/error.h"
#include "rl/language/model_files.h"
#include "rl/language/text_completion.h"
#include "src/language/cpu_generator.h"
#include "tests/language/scripted_model.h"
#include "tests/language/small_requests.h"

TEST_SUITE_BEGIN("language::cpu_generator");

using namespace rl;
using namespace rl::language;

namespace {

ModelConfig small_model(Family family) {
  ModelConfig config;
  config.family = family;
  config.vocabulary = 97;
  config.hidden = 36;
  config.layers = 2;
  config.query_heads = 4;
  config.key_value_heads = family == Family::gpt2 ? 4 : 2;
  config.head_dim = family == Family::qwen3 ? 20 : 9 + (family == Family::gpt2 ? 0 : 1);
  config.intermediate = 50;
  config.context = 64;
  config.qkv_bias = family == Family::qwen2;
  config.query_key_norm = family == Family::qwen3;
  config.tied_head = family != Family::llama;
  if (family == Family::gpt2) {
    config.norm = Norm::layer;
    config.activation = Activation::gelu_tanh;
    config.gated_mlp = false;
    config.qkv_bias = config.output_bias = config.mlp_bias = config.learned_positions = true;
  }
  return config;
}

// What a learner computes: one forward pass over the whole sequence, in one page.
std::vector<float> recomputed_log_probs(const ModelConfig& config, const ModelWeights& weights,
                                        const GenerationRequest& request, const Story& story) {
  ThreadTeam team(1);
  Ops ops(team);
  Transformer transformer(config, weights, config.context, ops);
  std::vector<TokenId> tokens = request.prompt;
  tokens.insert(tokens.end(), story.tokens.begin(), story.tokens.end());
  PagePool pool(page_shape(config, config.context), 1);
  PageTable pages(pool);
  pages.prepare(0, tokens.size());
  const TokenSpan span{tokens, 0, pages.cache()};
  std::vector<std::size_t> rows;
  for (std::size_t i = request.prompt.size() - 1; i + 1 < tokens.size(); ++i) rows.push_back(i);
  std::vector<float> logits(rows.size() * config.vocabulary);
  transformer.forward({&span, 1}, config.context, rows, logits.data());
  std::vector<TokenScore> scores(rows.size());
  ops.score(logits.data(), rows.size(), config.vocabulary, 1.0F / request.sampling.temperature,
            story.tokens.data(), scores.data());
  std::vector<float> log_probs;
  for (const TokenScore& score : scores) log_probs.push_back(score.log_prob);
  return log_probs;
}

std::filesystem::path stories_folder() {
  const char* named = std::getenv("CORRAL_DATA");
  return (named != nullptr ? std::filesystem::path(named)
                           : std::filesystem::path(RL_TEST_DATA) / "../../shared/data") /
         "stories260k";
}

}  // namespace

TEST_CASE("batch, threads, page size and form of the kernels change no bit; the learner agrees") {
  for (const Family family : {Family::llama, Family::qwen2, Family::qwen3, Family::gpt2}) {
    const ModelConfig config = small_model(family);
    for (const DType dtype : {DType::f32, DType::bf16}) {
      const ModelWeights weights = random_weights(config, 11).as(dtype);
      Stories expected;
      for (const GenerationRequest& request : small_requests(97)) {
        const auto alone = make_cpu_generator(config, weights, 1, {.threads = 1}, kPortableKernels);
        alone->submit(request);
        expected.merge(run_to_end(*alone));
      }
      for (const GenerationRequest& request : small_requests(97)) {
        for (std::size_t sample = 0; sample < request.num_samples; ++sample) {
          const Story& story = expected.at({request.id, sample});
          REQUIRE(story.policy_log_probs ==
                  recomputed_log_probs(config, weights, request, story));
        }
      }
      for (const KernelTable* kernels : available_kernels()) {
        for (const std::size_t threads : {1UL, 2UL, 3UL}) {
          for (const std::size_t page_size : {1UL, 5UL, 16UL, 64UL}) {
            CAPTURE(static_cast<int>(family));
            CAPTURE(kernels->name);
            CAPTURE(threads);
            CAPTURE(page_size);
            GeneratorOptions options{.page_size = page_size, .threads = threads};
            options.max_sequences = 2 + threads * 2;
            options.prefill_tokens = 7 * page_size;
            options.cache_pages = 3 * 64 / page_size;  // some sequences are sent away
            const auto generator = make_cpu_generator(config, weights, 1, options, *kernels);
            for (const GenerationRequest& request : small_requests(97)) generator->submit(request);
            REQUIRE(run_to_end(*generator) == expected);
          }
        }
      }
    }
  }
}

TEST_CASE("a model with a scalar head is no generator") {
  const ModelConfig config = with_scalar_head(small_model(Family::llama));
  CHECK_THROWS_WITH_AS(make_cpu_generator(config, random_weights(config, 1), 1, {}),
                       doctest::Contains("scores texts and cannot write any"), rl::Error);
}

TEST_CASE("weights change between steps; tokens carry the version") {
  const ModelConfig config = small_model(Family::llama);
  const ModelWeights first = random_weights(config, 1);
  const ModelWeights second = random_weights(config, 2);
  const auto generator = make_cpu_generator(config, first, 1, {});
  generator->submit(small_request(97, 0, 5, 1));
  CHECK(generator->step().at(0).weight_version == 1);
  generator->set_weights(second, 2);
  CHECK(generator->step().at(0).weight_version == 2);
  CHECK_THROWS_AS(generator->set_weights(random_weights(small_model(Family::qwen3), 1), 3), Error);
  CHECK(generator->step().at(0).weight_version == 2);
}

TEST_CASE("a trained model tells its story: the tokens, log-probs and text of another program") {
  const std::filesystem::path folder = stories_folder();
  if (!std::filesystem::exists(folder)) {
    MESSAGE("skipped: there is no " << folder.string());
    return;
  }
  const ModelFolder model = load_model(folder);
  const auto tokenizer = text::Tokenizer::from_json(model.tokenizer_json, "tokenizer.json");
  const auto generator = make_cpu_generator(model.config, model.weights, 1, {});
  TextCompleter completer(*generator, tokenizer);
  std::ifstream file(folder / "expected.json");
  const nlohmann::json stories = nlohmann::json::parse(file);
  REQUIRE(stories.size() == 4);
  std::vector<std::uint64_t> requests;
  for (const auto& story : stories) {
    CHECK(tokenizer.encode(story["prompt"].get<std::string>()) ==
          story["prompt_ids"].get<std::vector<TokenId>>());
    CompletionOptions options;
    options.max_new_tokens = story["greedy_ids"].size();
    options.sampling.temperature = 0.0F;
    requests.push_back(completer.submit(story["prompt"].get<std::string>(), options));
  }
  std::map<std::uint64_t, std::string> streamed;
  while (!completer.idle()) {
    for (const TextPiece& piece : completer.step()) streamed[piece.request] += piece.text;
  }
  for (std::size_t i = 0; i < stories.size(); ++i) {
    const auto& story = stories[i];
    const Completion completion = completer.take(requests[i]).at(0);
    CHECK(completion.tokens == story["greedy_ids"].get<std::vector<TokenId>>());
    CHECK(completion.text == story["text"].get<std::string>());
    CHECK(streamed[requests[i]] == completion.text);
    for (std::size_t t = 0; t < completion.tokens.size(); ++t) {
      const double expected = story["greedy_logprobs"][t].get<double>();
      REQUIRE(std::abs(completion.policy_log_probs[t] - expected) < 1e-4);
    }
  }
}

TEST_SUITE_END();
