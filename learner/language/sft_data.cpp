#include "learner/language/sft_data.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "rl/core/error.h"
#include "rl/core/rng.h"
#include "rl/formats/digest.h"

namespace rl {
namespace {

using language::TrainingData;
using language::TrainingExample;

// tokenizer_config.json writes a special token as its text, or as an object around it.
std::string special_token(const nlohmann::json& config, const char* key) {
  if (!config.is_object() || !config.contains(key)) return "";
  const nlohmann::json& value = config[key];
  if (value.is_string()) return value.get<std::string>();
  if (value.is_object() && value.contains("content") && value["content"].is_string()) {
    return value["content"].get<std::string>();
  }
  return "";
}

language::TooLong too_long(const std::string& name) {
  if (name == "skip") return language::TooLong::skip;
  return name == "error" ? language::TooLong::error : language::TooLong::truncate;
}

void move_example(TrainingData& from, std::size_t index, TrainingData& to) {
  TrainingExample& example = from.examples[index];
  const std::size_t tokens = example.tokens.size();
  const std::size_t loss_tokens = example.loss_tokens();
  from.tokens -= tokens;
  from.loss_tokens -= loss_tokens;
  to.tokens += tokens;
  to.loss_tokens += loss_tokens;
  to.examples.push_back(std::move(example));
}

// The stream's index is no epoch's number.
TrainingData split_off(TrainingData& data, double share, std::uint64_t seed) {
  const std::size_t count = data.examples.size();
  const auto wanted = static_cast<std::size_t>(std::llround(share * static_cast<double>(count)));
  const std::size_t size = std::max<std::size_t>(wanted, 1);
  if (size >= count) {
    throw Error({.where = "sft data", .what = "the validation split leaves nothing to learn from",
                 .expected = "more than " + std::to_string(size) + " examples",
                 .got = std::to_string(count)});
  }
  std::vector<std::size_t> order(count);
  for (std::size_t i = 0; i < count; ++i) order[i] = i;
  RngStream stream(seed, RngRole::minibatch, std::numeric_limits<std::uint64_t>::max());
  for (std::size_t i = count; i > 1; --i) std::swap(order[i - 1], order[stream.below(i)]);
  std::sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(size));
  TrainingData part;
  for (std::size_t i = 0; i < size; ++i) move_example(data, order[i], part);
  std::erase_if(data.examples, [](const TrainingExample& e) { return e.tokens.empty(); });
  return part;
}

std::string digest_of(const TrainingData& data) {
  Bytes digests;
  for (const TrainingExample& example : data.examples) {
    ByteWriter out;
    out.put_bytes(std::as_bytes(std::span(example.tokens)));
    out.put_bytes(std::as_bytes(std::span(example.loss)));
    const Digest one = digest(out.bytes());
    digests.insert(digests.end(), one.begin(), one.end());
  }
  return to_hex(digest(digests));
}

}  // namespace

ModelText read_model_text(const language::ModelFolder& model, const std::string& where) {
  if (model.tokenizer_json.empty()) {
    throw Error({.where = where, .what = "the model has no tokenizer",
                 .expected = "tokenizer.json beside config.json"});
  }
  ModelText text{.tokenizer = text::Tokenizer::from_json(model.tokenizer_json,
                                                         where + "/tokenizer.json"),
                 .chat_template = model.chat_template, .stop_ids = model.stop_ids};
  const auto config = nlohmann::json::parse(model.tokenizer_config_json, nullptr, false);
  text.bos_token = special_token(config, "bos_token");
  text.eos_token = special_token(config, "eos_token");
  if (const auto id = text.tokenizer.id_of(text.eos_token)) text.eos_id = *id;
  if (text.eos_id < 0 && !text.stop_ids.empty()) text.eos_id = text.stop_ids.front();
  if (text.eos_id < 0) {
    throw Error({.where = where, .what = "no token ends a sequence",
                 .expected = "eos_token in tokenizer_config.json or eos_token_id in config.json"});
  }
  if (std::ranges::find(text.stop_ids, text.eos_id) == text.stop_ids.end()) {
    text.stop_ids.push_back(text.eos_id);
  }
  return text;
}

SftData read_sft_data(const SftOptions& options, const ModelText& text, std::size_t context) {
  language::ExampleEncoder::Parts parts{.tokenizer = text.tokenizer,
                                        .bos_token = text.bos_token,
                                        .eos_token = text.eos_token,
                                        .eos_id = text.eos_id,
                                        .stop_ids = text.stop_ids};
  if (!text.chat_template.empty()) {
    parts.chat_template.emplace(text.chat_template, options.model + "'s chat template");
  }
  const std::size_t wanted = options.max_tokens > 0 ? options.max_tokens : context;
  const language::DataOptions data_options{.max_tokens = std::min(wanted, context),
                                           .too_long = too_long(options.too_long),
                                           .loss_on_all = options.loss_on == "all",
                                           .skip_broken_lines = options.skip_broken_lines};
  const language::ExampleEncoder encoder(std::move(parts), data_options);
  SftData data;
  data.training = read_training_data(options.data, encoder, data_options);
  if (!options.validation.empty()) {
    data.validation = read_training_data(options.validation, encoder, data_options);
  } else if (options.validation_split > 0.0) {
    data.validation = split_off(data.training, options.validation_split, options.seed);
  }
  data.digest = digest_of(data.training);
  return data;
}

}  // namespace rl
