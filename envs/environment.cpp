#include "rl/envs/environment.h"

#include "rl/core/error.h"

namespace rl {

void Environment::load_state(std::span<const std::byte>) {
  throw Error({.where = "environment " + spec().name,
               .what = "it cannot load a saved state",
               .remedy = "restart its episode with reset(), or implement save_state() and "
                         "load_state()"});
}

}  // namespace rl
