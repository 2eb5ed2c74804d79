#include "rl/language/text_generator.h"

#include <string>

#include "rl/core/error.h"

namespace rl::language {
namespace {

void require(bool good, const char* option, const char* expected, float got) {
  if (good) return;
  throw Error({.where = "sampling options",
               .what = std::string(option) + " is out of range",
               .expected = expected,
               .got = std::to_string(got)});
}

}  // namespace

void validate(const SamplingOptions& options) {
  constexpr float kLeast = 1e-3F;  // below, logits / temperature may overflow
  constexpr float kMost = 1e3F;
  const float temperature = options.temperature;
  require(temperature == 0.0F || (temperature >= kLeast && temperature <= kMost), "temperature",
          "0 (the likeliest token) or 0.001 to 1000", temperature);
  require(options.top_p > 0.0F && options.top_p <= 1.0F, "top_p", "above 0 and at most 1",
          options.top_p);
  require(options.min_p >= 0.0F && options.min_p <= 1.0F, "min_p", "0 to 1", options.min_p);
}

}  // namespace rl::language
