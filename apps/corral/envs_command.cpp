#include <cstdio>

#include "apps/corral/command.h"
#include "apps/corral/table.h"
#include "rl/cli/command_line.h"
#include "rl/envs/registry.h"

namespace rl::app {
namespace {

std::string extents(const Shape& shape) {
  std::string text;
  for (const std::int64_t extent : shape) {
    text += (text.empty() ? "" : "x") + std::to_string(extent);
  }
  return text.empty() ? "1" : text;
}

std::string short_number(double value) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.4g", value);
  return buffer;
}

// "4 numbers", "2 choices", "1 number from -2 to 2".
std::string summary(const TensorSpec& spec) {
  const std::size_t count = spec.num_elements();
  if (spec.is_discrete() && spec.low_at(0) == 0.0) {
    std::string choices;
    for (std::size_t i = 0; i < count; ++i) {
      choices += (choices.empty() ? "" : "x") + std::to_string(spec.num_categories(i));
    }
    return choices + " choices";
  }
  std::string text = extents(spec.shape) + (count == 1 ? " number" : " numbers");
  if (spec.low.size() == 1 && spec.high.size() == 1) {
    text += " in " + short_number(spec.low[0]) + ".." + short_number(spec.high[0]);
  }
  return text;
}

std::string summary(const std::vector<TensorSpec>& specs) {
  std::string text;
  for (const TensorSpec& spec : specs) {
    if (!text.empty()) text += " + ";
    text += spec.name == kActionMaskName ? "action mask" : summary(spec);
  }
  return text;
}

void print_all() {
  Table table({"name", "observation", "action", "most steps", "task"});
  for (const EnvironmentRow& row : builtin_environments().rows()) {
    const auto environment = row.make();
    const EnvironmentSpec& spec = environment->spec();
    const std::string steps =
        spec.max_episode_steps == 0 ? "any" : std::to_string(spec.max_episode_steps);
    table.add({row.name, summary(spec.observations), summary(spec.actions), steps,
               row.description});
  }
  std::fputs(table.text().c_str(), stdout);
}

void print_one(const std::string& name) {
  const EnvironmentRow& row = builtin_environments().find(name);
  std::printf("%s\n%s\n", row.description.c_str(), describe(row.make()->spec()).c_str());
}

}  // namespace

int run_envs(const std::vector<std::string>& words) {
  const std::vector<std::string> names = understand([&] {
    const auto line = cli::parse_command_line(cli::OptionTable(), words, 1);
    for (const std::string& name : line.arguments) builtin_environments().find(name);
    return line.arguments;
  });
  if (names.empty()) print_all();
  for (const std::string& name : names) print_one(name);
  return kDone;
}

std::string envs_help(std::size_t) {
  return "corral envs: the environments there are.\n"
         "\n"
         "Usage: corral envs [NAME]\n"
         "\n"
         "All of them, one a line:\n"
         "  corral envs\n"
         "\n"
         "Everything about one: every tensor with its type, shape and bounds:\n"
         "  corral envs CartPole-v1\n";
}

}  // namespace rl::app
