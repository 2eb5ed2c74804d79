#include "envs/cartpole.h"
#include "rl/envs/registry.h"

namespace rl {
namespace {

template <Task T>
std::unique_ptr<Environment> make() {
  return std::make_unique<TaskEnvironment<T>>();
}

EnvironmentRegistry make_builtin() {
  EnvironmentRegistry table;
  table.add("CartPole-v1", "balance a pole on a cart", make<CartPole>);
  return table;
}

}  // namespace

const EnvironmentRegistry& builtin_environments() {
  static const EnvironmentRegistry table = make_builtin();
  return table;
}

}  // namespace rl
