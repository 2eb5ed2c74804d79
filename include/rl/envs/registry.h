// Environments by name: an explicit table, never a static initialiser.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rl/envs/environment.h"

namespace rl {

using EnvironmentFactory = std::function<std::unique_ptr<Environment>()>;

struct EnvironmentRow {
  std::string name;         // as in --env and in the spec
  std::string description;  // one line
  EnvironmentFactory make;
};

// A value: copy builtin_environments(), add your own, and pass the result on.
// Threads: const methods from any thread at once; add() while no other thread uses the object.
class EnvironmentRegistry {
 public:
  // `factory` makes a new object per call, from any thread, whose spec carries `name`.
  // Throws Error, changing nothing, when the name is empty or taken.
  void add(std::string name, std::string description, EnvironmentFactory factory);

  // Throw Error listing the near names when there is no such environment.
  const EnvironmentRow& find(std::string_view name) const;
  std::unique_ptr<Environment> make(std::string_view name) const;

  const std::vector<EnvironmentRow>& rows() const { return rows_; }  // in order of add()
  std::vector<std::string> names() const;

 private:
  std::vector<EnvironmentRow> rows_;
};

// What the library brings, from easy to hard. Lives as long as the program.
const EnvironmentRegistry& builtin_environments();

std::unique_ptr<Environment> make_environment(std::string_view name);  // of the built-in ones
std::vector<std::string> environment_names();

}  // namespace rl
