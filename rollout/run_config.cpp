#include "rl/rollout/run_config.h"

#include <sstream>

#include "rl/core/error.h"
#include "rollout/config_values.h"

namespace rl::rollout {
namespace {

Mode parse_mode(std::string_view text) {
  if (text == "lockstep") return Mode::lockstep;
  if (text == "async") return Mode::async;
  refuse_value("'mode' is unknown", "lockstep or async", std::string(text));
}

void require_rounds(const RunConfig& config) {
  const std::uint32_t staleness = config.text->max_staleness;
  if ((config.mode == Mode::async) != (staleness > 0)) {
    refuse_value("'text.max_staleness' does not fit the mode",
                 config.mode == Mode::async ? "1 or more" : "0", std::to_string(staleness));
  }
  if (config.num_environments == config.text->places()) return;
  refuse_value("'num_environments' is not the places of a round",
               "prompts_per_round * group, " + std::to_string(config.text->places()),
               std::to_string(config.num_environments));
}

}  // namespace

std::string to_text(const RunConfig& config) {
  std::ostringstream out;
  out << "environment = " << config.environment << "\n"
      << "seed = " << config.seed << "\n"
      << "num_environments = " << config.num_environments << "\n"
      << "num_slots = " << config.num_slots << "\n"
      << "mode = " << (config.mode == Mode::lockstep ? "lockstep" : "async") << "\n"
      << "steps_per_round = " << config.steps_per_round << "\n"
      << "fragment_steps = " << config.fragment_steps << "\n";
  if (config.text) out << to_text(*config.text);
  return out.str();
}

RunConfig run_config_from_text(std::string_view text) {
  ConfigValues values = parse_lines(text);
  const auto take = [&](const std::string& name) { return take_value(values, name); };
  const auto count = [&](const std::string& name) {
    return parse_number<std::uint32_t>(name, take(name), 1);
  };
  RunConfig config;
  config.environment = take("environment");
  config.seed = parse_number<std::uint64_t>("seed", take("seed"), 0);
  config.num_environments = count("num_environments");
  config.num_slots = count("num_slots");
  config.mode = parse_mode(take("mode"));
  config.steps_per_round = count("steps_per_round");
  config.fragment_steps = count("fragment_steps");
  const auto first_of_text = values.lower_bound("text.");
  if (first_of_text != values.end() && first_of_text->first.starts_with("text.")) {
    config.text = text_run_config_from(values);
    require_rounds(config);
  }
  if (!values.empty()) refuse_value("a name is unknown", "no other names", values.begin()->first);
  return config;
}

EnvironmentRange environments_of_slot(const RunConfig& config, std::uint32_t slot) {
  const auto border = [&](std::uint64_t s) {
    return static_cast<std::uint32_t>(s * config.num_environments / config.num_slots);
  };
  return {border(slot), border(slot + 1ULL) - border(slot)};
}

Bytes to_bytes(const Assignment& assignment) {
  ByteWriter out;
  out.put(assignment.round);
  out.put(static_cast<std::uint32_t>(assignment.continuations.size()));
  for (const auto& continuation : assignment.continuations) out.put_bytes(continuation);
  return out.take();
}

Assignment assignment_from_bytes(std::span<const std::byte> bytes,
                                 std::uint32_t num_environments) {
  Assignment assignment;
  assignment.continuations.resize(num_environments);
  if (bytes.empty()) return assignment;
  ByteReader in(bytes, "assignment");
  assignment.round = in.get<std::uint64_t>();
  const auto count = in.get<std::uint32_t>();
  if (count != num_environments) {
    throw Error({.where = "assignment",
                 .what = "it is for another number of environments",
                 .expected = std::to_string(num_environments),
                 .got = std::to_string(count)});
  }
  for (auto& continuation : assignment.continuations) {
    const auto part = in.get_bytes();
    continuation.assign(part.begin(), part.end());
  }
  in.expect_end();
  return assignment;
}

}  // namespace rl::rollout
