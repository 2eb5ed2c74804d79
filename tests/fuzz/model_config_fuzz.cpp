// Any text as a config.json: refused, or a valid configuration that survives being written.
#include "fuzz/target.h"
#include "rl/language/model_config.h"

using namespace rl;
using namespace rl::fuzz;
using namespace rl::language;

RL_FUZZ_TARGET(model_config) {
  ModelConfig config;
  if (!answers([&] { config = parse_model_config(as_text(input), "fuzz"); })) return;
  // What was accepted must be accepted again: an Error from here on is a finding.
  validate(config);
  const ModelConfig again = parse_model_config(model_config_json(config, DType::f32), "written");
  require(parameter_count(again) == parameter_count(config), "the written model is the same size");
}
