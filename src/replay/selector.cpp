#include "rl/replay/selector.h"

#include <string>

#include "rl/core/error.h"
#include "src/replay/ordered_selector.h"
#include "src/replay/prioritized_selector.h"
#include "src/replay/uniform_selector.h"

namespace rl::replay {

std::unique_ptr<ItemSelector> make_selector(Selector kind, double alpha) {
  switch (kind) {
    case Selector::uniform: return std::make_unique<UniformSelector>();
    case Selector::fifo: return std::make_unique<OrderedSelector>(false);
    case Selector::lifo: return std::make_unique<OrderedSelector>(true);
    case Selector::prioritized: return std::make_unique<PrioritizedSelector>(alpha);
  }
  throw Error({.where = "replay selector",
               .what = "no such selector",
               .expected = "uniform, fifo, lifo or prioritized",
               .got = "number " + std::to_string(static_cast<int>(kind))});
}

}  // namespace rl::replay
