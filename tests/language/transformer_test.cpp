#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <vector>

#include "rl/core/error.h"
#include "rl/language/model_files.h"
#include "rl/language/transformer.h"
#include "src/language/kernels.h"
#include "tests/language/sequence_pages.h"

TEST_SUITE_BEGIN("language::transformer");

using namespace rl::language;
using nlohmann::json;

namespace {

const std::filesystem::path kModels = std::filesystem::path(RL_TEST_DATA) / "golden/language/models";

json read_json(const std::filesystem::path& path) { return json::parse(std::ifstream(path)); }

std::vector<std::filesystem::path> golden_models() {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(kModels)) {
    folders.push_back(entry.path());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

std::vector<std::size_t> all_rows(std::size_t count) {
  std::vector<std::size_t> rows(count);
  for (std::size_t i = 0; i < count; ++i) rows[i] = i;
  return rows;
}

// Logits of every position, computed in calls of `step` tokens.
std::vector<float> logits_of(Transformer& model, const std::vector<std::int32_t>& ids,
                             std::size_t step, std::size_t page_size) {
  const SequencePages pages(model.config(), ids.size(), page_size);
  std::vector<float> logits(ids.size() * model.config().vocabulary);
  for (std::size_t begin = 0; begin < ids.size(); begin += step) {
    const std::size_t count = std::min(step, ids.size() - begin);
    const TokenSpan span{.tokens = std::span(ids).subspan(begin, count), .first_position = begin,
                         .cache = pages.cache()};
    model.forward({&span, 1}, page_size, all_rows(count),
                  logits.data() + begin * model.config().vocabulary);
  }
  return logits;
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

double worst_difference(const std::vector<float>& logits, const json& rows, std::size_t first,
                        std::size_t vocabulary) {
  double worst = 0.0;
  for (std::size_t row = 0; row < rows.size(); ++row) {
    for (std::size_t i = 0; i < vocabulary; ++i) {
      const double expected = rows[row][i].get<double>();
      worst = std::max(worst, std::abs(logits[(first + row) * vocabulary + i] - expected));
    }
  }
  return worst;
}

std::vector<std::int32_t> some_tokens(std::size_t count, std::size_t vocabulary) {
  std::vector<std::int32_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) {
    ids[i] = static_cast<std::int32_t>((i * 31 + 7) % vocabulary);
  }
  return ids;
}

}  // namespace

TEST_CASE("logits equal those of transformers for every family") {
  ThreadTeam team(2);
  REQUIRE(golden_models().size() > 10);
  for (const auto& folder : golden_models()) {
    CAPTURE(folder.filename().string());
    const ModelFolder files = load_model(folder);
    Transformer model(files.config, files.weights, 64, Ops(team));
    const json expected = read_json(folder / "expected.json");
    for (const json& sequence : expected["sequences"]) {
      const auto ids = sequence["ids"].get<std::vector<std::int32_t>>();
      const auto logits = logits_of(model, ids, ids.size(), 16);
      CHECK(worst_difference(logits, sequence["logits"], sequence["first_position"],
                             files.config.vocabulary) < 1e-4);
    }
  }
}

TEST_CASE("a scalar head gives the scores that transformers' sequence classifiers give") {
  ThreadTeam team(2);
  const std::filesystem::path folders = kModels.parent_path() / "scalar";
  for (const char* name : {"llama", "qwen2_bf16", "qwen3", "gpt2"}) {
    CAPTURE(name);
    const ModelFolder files = load_model(folders / name);
    REQUIRE(files.config.scalar_head);
    Transformer model(files.config, files.weights, 64, Ops(team));
    const json expected = read_json(folders / name / "expected.json");
    for (const json& sequence : expected["sequences"]) {
      const auto ids = sequence["ids"].get<std::vector<std::int32_t>>();
      const SequencePages pages(files.config, ids.size(), 16);
      const TokenSpan span{.tokens = ids, .first_position = 0, .cache = pages.cache()};
      std::vector<float> scores(ids.size());
      model.forward({&span, 1}, 16, all_rows(ids.size()), scores.data());
      for (std::size_t i = 0; i < ids.size(); ++i) {
        CHECK(std::abs(scores[i] - sequence["scores"][i].get<double>()) < 1e-4);
      }
    }
  }
}

TEST_CASE("greedy continuations and their log-probs equal those of transformers") {
  ThreadTeam team(1);
  for (const auto& folder : golden_models()) {
    CAPTURE(folder.filename().string());
    const ModelFolder files = load_model(folder);
    Transformer model(files.config, files.weights, 64, Ops(team));
    const json greedy = read_json(folder / "expected.json")["greedy"];
    auto ids = greedy["prompt_ids"].get<std::vector<std::int32_t>>();
    const std::size_t vocabulary = files.config.vocabulary;
    for (std::size_t i = 0; i < greedy["ids"].size(); ++i) {
      const auto logits = logits_of(model, ids, ids.size(), 8);
      const float* last = logits.data() + (ids.size() - 1) * vocabulary;
      const auto token = static_cast<std::int32_t>(std::max_element(last, last + vocabulary) - last);
      REQUIRE(token == greedy["ids"][i].get<std::int32_t>());
      TokenScore score;
      model.ops().score(last, 1, vocabulary, 1.0F, &token, &score);
      CHECK(std::abs(score.log_prob - greedy["log_probs"][i].get<double>()) < 1e-4);
      ids.push_back(token);
    }
  }
}

TEST_CASE("logits have the same bits token by token, in pieces and at once, on any page size") {
  ThreadTeam team(2);
  for (const char* name : {"llama_gqa2_tied", "qwen3_tied", "gpt2", "llama_bf16"}) {
    CAPTURE(name);
    const ModelFolder files = load_model(kModels / name);
    Transformer model(files.config, files.weights, 64, Ops(team));
    const auto ids = some_tokens(40, files.config.vocabulary);
    const auto expected = logits_of(model, ids, ids.size(), 64);
    for (const std::size_t step : {1, 7, 40}) {
      for (const std::size_t page_size : {1, 5, 16}) {
        CHECK(same_bits(logits_of(model, ids, step, page_size), expected));
      }
    }
  }
}

TEST_CASE("logits have the same bits in every form, with any number of threads") {
  for (const char* name : {"llama_gqa4_head_dim", "qwen2_tied", "gpt2"}) {
    CAPTURE(name);
    const ModelFolder files = load_model(kModels / name);
    const auto ids = some_tokens(33, files.config.vocabulary);
    std::vector<float> expected;
    for (const std::size_t threads : {1, 2, 3}) {
      ThreadTeam team(threads);
      for (const KernelTable* kernels : available_kernels()) {
        CAPTURE(kernels->name);
        Transformer model(files.config, files.weights, 64, Ops(team, *kernels));
        const auto logits = logits_of(model, ids, ids.size(), 16);
        if (expected.empty()) expected = logits;
        CHECK(same_bits(logits, expected));
      }
    }
  }
}

TEST_CASE("a sequence's logits do not depend on what shares the batch") {
  ThreadTeam team(2);
  const ModelFolder files = load_model(kModels / "llama_gqa2_tied");
  Transformer model(files.config, files.weights, 64, Ops(team));
  const std::size_t vocabulary = files.config.vocabulary;
  const std::vector<std::vector<std::int32_t>> sequences{
      some_tokens(9, vocabulary), some_tokens(30, vocabulary), some_tokens(1, vocabulary)};
  std::vector<SequencePages> pages;
  for (const auto& ids : sequences) pages.emplace_back(files.config, ids.size(), 4);
  std::vector<TokenSpan> spans;
  std::vector<float> expected;
  for (std::size_t s = 0; s < sequences.size(); ++s) {
    spans.push_back({.tokens = sequences[s], .first_position = 0, .cache = pages[s].cache()});
    const auto alone = logits_of(model, sequences[s], sequences[s].size(), 16);
    expected.insert(expected.end(), alone.begin(), alone.end());
  }
  std::vector<float> logits(expected.size());
  model.forward(spans, 4, all_rows(40), logits.data());
  CHECK(same_bits(logits, expected));
}

TEST_CASE("bf16 weights give the logits of their widened values") {
  ThreadTeam team(1);
  const ModelFolder files = load_model(kModels / "llama_bf16");
  Transformer halves(files.config, files.weights, 64, Ops(team));
  Transformer floats(files.config, files.weights.as(rl::DType::f32), 64, Ops(team));
  const auto ids = some_tokens(20, files.config.vocabulary);
  CHECK(same_bits(logits_of(halves, ids, 20, 16), logits_of(floats, ids, 20, 16)));
}

TEST_CASE("weights of another configuration are refused, and the old ones stay") {
  ThreadTeam team(1);
  const ModelFolder files = load_model(kModels / "llama_gqa2_tied");
  const ModelFolder other = load_model(kModels / "qwen3_tied");
  Transformer model(files.config, files.weights, 64, Ops(team));
  const auto ids = some_tokens(5, files.config.vocabulary);
  const auto expected = logits_of(model, ids, 5, 16);
  CHECK_THROWS_AS(model.set_weights(other.weights), rl::Error);
  CHECK(same_bits(logits_of(model, ids, 5, 16), expected));
  model.set_weights(random_weights(files.config, 3));
  CHECK_FALSE(same_bits(logits_of(model, ids, 5, 16), expected));
}

TEST_SUITE_END();
