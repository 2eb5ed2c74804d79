#include <array>
#include <string>
#include <vector>

#include "learner/updates/dqn_algorithm.h"
#include "learner/updates/ppo_algorithm.h"
#include "rl/algorithms/registry.h"
#include "rl/core/error.h"
#include "rl/core/suggest.h"
#include "rl/learner/algorithm.h"

namespace rl {
namespace {

template <class T>
std::unique_ptr<Algorithm> make(const TrainOptions& options, const EnvironmentSpec& spec) {
  return std::make_unique<T>(options, spec);
}

struct Row {
  const char* name;
  std::unique_ptr<Algorithm> (*make)(const TrainOptions&, const EnvironmentSpec&);
};

constexpr std::array<Row, 2> kRows{{
    {"ppo", make<PpoAlgorithm>},
    {"dqn", make<DqnAlgorithm>},
}};

}  // namespace

std::unique_ptr<Algorithm> make_algorithm(const TrainOptions& options,
                                          const EnvironmentSpec& spec) {
  for (const Row& row : kRows) {
    if (options.algorithm == row.name) return row.make(options, spec);
  }
  std::vector<std::string> names;
  for (const AlgorithmDescription& known : algorithm_descriptions()) {
    names.emplace_back(known.name);
  }
  throw Error({.where = "make_algorithm", .what = "no such algorithm", .got = options.algorithm,
               .remedy = suggest(options.algorithm, names)});
}

}  // namespace rl
