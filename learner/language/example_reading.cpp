#include "learner/language/example_reading.h"

#include <algorithm>

#include "rl/formats/digest_list.h"

namespace rl {
namespace {

language::TooLong too_long(const std::string& name) {
  if (name == "skip") return language::TooLong::skip;
  return name == "error" ? language::TooLong::error : language::TooLong::truncate;
}

}  // namespace

language::DataOptions data_options(const FineTuneOptions& options, std::size_t context) {
  const std::size_t wanted = options.max_tokens > 0 ? options.max_tokens : context;
  return {.max_tokens = std::min(wanted, context),
          .too_long = too_long(options.too_long),
          .loss_on_all = options.loss_on == "all",
          .skip_broken_lines = options.skip_broken_lines};
}

language::ExampleEncoder make_encoder(const FineTuneOptions& options, const ModelText& text,
                                      const language::DataOptions& data) {
  language::ExampleEncoder::Parts parts{.tokenizer = text.tokenizer,
                                        .bos_token = text.bos_token,
                                        .eos_token = text.eos_token,
                                        .eos_id = text.eos_id,
                                        .stop_ids = text.stop_ids};
  if (!text.chat_template.empty()) {
    parts.chat_template.emplace(text.chat_template, options.model + "'s chat template");
  }
  return language::ExampleEncoder(std::move(parts), data);
}

std::string digest_of(std::span<const language::TrainingExample* const> examples) {
  DigestList digests;
  for (const auto* example : examples) {
    ByteWriter out;
    out.put_bytes(std::as_bytes(std::span(example->tokens)));
    out.put_bytes(std::as_bytes(std::span(example->loss)));
    digests.add(out.bytes());
  }
  return digests.to_hex();
}

}  // namespace rl
