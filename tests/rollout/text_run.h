// A run of texts small enough for tests: a random model of bytes.
#pragma once

#include <memory>
#include <string>

#include "rl/core/fragment.h"
#include "rl/formats/weight_snapshot.h"
#include "rl/language/model_image.h"
#include "rl/rollout/run_config.h"
#include "rl/text/tokenizer.h"

namespace rl::tests {

inline constexpr std::size_t kByteVocabulary = 259;  // 256 bytes, bos, eos, pad
inline constexpr std::int32_t kByteEnd = 257;

inline language::ModelConfig tiny_model(std::size_t context = 64) {
  language::ModelConfig config;
  config.vocabulary = kByteVocabulary;
  config.hidden = 16;
  config.layers = 1;
  config.query_heads = 2;
  config.key_value_heads = 1;
  config.head_dim = 8;
  config.intermediate = 16;
  config.context = context;
  config.tied_head = true;
  return config;
}

inline language::ModelImage tiny_image(std::uint64_t seed, std::size_t context = 64) {
  const language::ModelConfig config = tiny_model(context);
  return {.config = config,
          .weights = language::random_weights(config, seed),
          .tokenizer_json = text::byte_tokenizer_json(),
          .stop_ids = {kByteEnd}};
}

// Version v has the weights of seed v.
inline WeightSnapshot tiny_snapshot(std::uint64_t version, std::size_t context = 64) {
  return {.run_id = 1,
          .version = version,
          .image = std::make_shared<const Bytes>(
              language::write_model_image(tiny_image(version, context)))};
}

inline rollout::RunConfig text_run(std::uint32_t prompts = 3, std::uint32_t group = 4,
                                   std::uint32_t slots = 1) {
  rollout::RunConfig config;
  config.environment = "text";
  config.seed = 7;
  config.num_environments = prompts * group;
  config.num_slots = slots;
  config.text.emplace();
  config.text->held_out = 20;
  config.text->prompts_per_round = prompts;
  config.text->group = group;
  config.text->max_prompt_tokens = 16;
  config.text->max_new_tokens = 12;
  config.text->vocabulary = kByteVocabulary;
  config.text->score_truncated = true;
  return config;
}

inline std::shared_ptr<const FragmentSchema> schema_of(const rollout::RunConfig& config) {
  return std::make_shared<const FragmentSchema>(
      make_schema(rollout::text_spec(config.text.value())));
}

}  // namespace rl::tests
