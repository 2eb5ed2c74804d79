#include "apps/corral/command.h"
#include "apps/corral/generation.h"
#include "apps/corral/learner_program.h"

namespace rl::app {

int run_generate(const std::vector<std::string>& words) {
  const GenerateOptions options = understand([&] { return parse_generate_options(words); });
  if (options.device != "cpu") continue_in_learner("generate", words);
  return generate(options, &language::make_cpu_generator);
}

}  // namespace rl::app
