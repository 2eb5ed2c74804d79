// `corral generate`, wherever the model computes.
#pragma once

#include "apps/corral/generate_options.h"
#include "rl/language/text_generator.h"

namespace rl::app {

// Does what the options say; an exit status.
int generate(const GenerateOptions& options, const language::GeneratorFactory& make_generator);

}  // namespace rl::app
