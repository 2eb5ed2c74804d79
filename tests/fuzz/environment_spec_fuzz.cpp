// Any text as an environment's description: refused, or a valid one that is described again.
#include "fuzz/target.h"
#include "rl/core/fragment.h"
#include "rl/core/spec.h"

using namespace rl;
using namespace rl::fuzz;

RL_FUZZ_TARGET(environment_spec) {
  EnvironmentSpec spec;
  if (!answers([&] { spec = spec_from_text(as_text(input)); })) return;
  validate(spec);
  require(spec_from_text(describe(spec)) == spec, "what was read is described the same");
  answers([&] { (void)make_schema(spec); });
}
