// A language model as one safetensors image: what a learner of text broadcasts.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rl/core/bytes.h"
#include "rl/language/model_config.h"
#include "rl/language/model_weights.h"

namespace rl::language {

// Everything that generation needs. Threads: a plain value; copies share the tensors.
struct ModelImage {
  ModelConfig config{};
  ModelWeights weights{};
  std::string tokenizer_json{};
  std::vector<std::int32_t> stop_ids{};  // end a completion; may be empty
  std::string chat_template{};           // empty: the model has none
  std::string bos_token{};               // as the chat template writes them
  std::string eos_token{};
};

// The tensors of model_parameters in f32, with the rest as metadata "corral.model_config",
// "corral.tokenizer", "corral.stop_ids" ("1,2"), "corral.chat_template", "corral.bos_token" and
// "corral.eos_token" (the last three only when not empty). Same input, same bytes.
// Throws Error when weights and configuration do not fit or a stop id is no token.
Bytes write_model_image(const ModelImage& model);

// Views the image, which is kept alive by the weights. Nothing is believed before it is checked.
// Throws Error prefixed with `where` for what SafetensorsView refuses, metadata that is missing or
// malformed, tensors that are not the configuration's, stop ids outside the vocabulary, and a
// tokenizer that is malformed or has ids beyond it. Values that are not finite are loaded.
// `known_tokenizer` is one that an earlier image of the run had: the same is not checked again.
ModelImage read_model_image(std::shared_ptr<const Bytes> image, std::string_view where,
                            std::string_view known_tokenizer = {});

}  // namespace rl::language
