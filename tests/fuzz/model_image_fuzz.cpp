// Any bytes as a language model's image: refused, or a model that is written again.
#include "fuzz/target.h"
#include "rl/language/model_image.h"

using namespace rl;
using namespace rl::fuzz;

RL_FUZZ_TARGET(model_image) {
  language::ModelImage model;
  const bool is_model = answers([&] {
    model = language::read_model_image(std::make_shared<const Bytes>(input.begin(), input.end()),
                                       "fuzz");
  });
  if (!is_model) return;
  // What was accepted must be accepted again: an Error from here on is a finding.
  const auto written = std::make_shared<const Bytes>(language::write_model_image(model));
  const language::ModelImage again = language::read_model_image(written, "written");
  require(again.stop_ids == model.stop_ids && again.chat_template == model.chat_template &&
              again.tokenizer_json == model.tokenizer_json,
          "what was read is written whole");
}
