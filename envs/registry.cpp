#include "rl/envs/registry.h"

#include "rl/core/error.h"
#include "rl/core/suggest.h"

namespace rl {

void EnvironmentRegistry::add(std::string name, std::string description,
                              EnvironmentFactory factory) {
  if (name.empty() || !factory) {
    throw Error({.where = "environment registry",
                 .what = "an environment needs a name and a factory",
                 .got = name.empty() ? "no name" : "no factory for " + name});
  }
  for (const EnvironmentRow& row : rows_) {
    if (row.name != name) continue;
    throw Error({.where = "environment registry",
                 .what = "the name " + name + " is taken",
                 .got = "'" + row.description + "' and '" + description + "'",
                 .remedy = "choose another name"});
  }
  rows_.push_back({std::move(name), std::move(description), std::move(factory)});
}

const EnvironmentRow& EnvironmentRegistry::find(std::string_view name) const {
  for (const EnvironmentRow& row : rows_) {
    if (row.name == name) return row;
  }
  throw Error({.where = "environment registry",
               .what = "there is no environment of this name",
               .got = "'" + std::string(name) + "'",
               .remedy = suggest(name, names())});
}

std::unique_ptr<Environment> EnvironmentRegistry::make(std::string_view name) const {
  return find(name).make();
}

std::vector<std::string> EnvironmentRegistry::names() const {
  std::vector<std::string> names;
  for (const EnvironmentRow& row : rows_) names.push_back(row.name);
  return names;
}

std::unique_ptr<Environment> make_environment(std::string_view name) {
  return builtin_environments().make(name);
}

std::vector<std::string> environment_names() {
  return builtin_environments().names();
}

}  // namespace rl
