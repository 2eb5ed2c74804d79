// Any text as a config.json: an Error, or a configuration that is valid and survives being written.
#include <cstdlib>

#include "rl/core/error.h"
#include "rl/language/model_config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace rl::language;
  ModelConfig config;
  try {
    config = parse_model_config({reinterpret_cast<const char*>(data), size}, "fuzz");
  } catch (const rl::Error&) {
    return 0;
  }
  // What was accepted must be accepted again: an Error from here on is a finding.
  validate(config);
  const std::string written = model_config_json(config, rl::DType::f32);
  const ModelConfig again = parse_model_config(written, "written");
  if (parameter_count(again) != parameter_count(config)) std::abort();
  return 0;
}
