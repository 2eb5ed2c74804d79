#include "rl/rollout/run_config.h"

#include <charconv>
#include <functional>
#include <limits>
#include <map>
#include <sstream>

#include "rl/core/error.h"

namespace rl::rollout {
namespace {

constexpr const char* kWhere = "run configuration";

[[noreturn]] void refuse(const std::string& what, const std::string& expected,
                         const std::string& got) {
  throw Error({.where = kWhere,
               .what = what,
               .expected = expected,
               .got = got,
               .remedy = "learner and worker must be of the same version"});
}

template <class T>
T parse_number(const std::string& name, std::string_view text, T lowest) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < lowest) {
    refuse("'" + name + "' is not a number in range", "at least " + std::to_string(lowest),
           std::string(text));
  }
  return value;
}

Mode parse_mode(std::string_view text) {
  if (text == "lockstep") return Mode::lockstep;
  if (text == "async") return Mode::async;
  refuse("'mode' is unknown", "lockstep or async", std::string(text));
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::map<std::string, std::string> parse_lines(std::string_view text) {
  std::map<std::string, std::string> values;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (trim(line).empty()) continue;
    const auto equals = line.find('=');
    if (equals == std::string::npos) refuse("a line is malformed", "name = value", line);
    const std::string name(trim(std::string_view(line).substr(0, equals)));
    if (!values.emplace(name, trim(std::string_view(line).substr(equals + 1))).second) {
      refuse("a name appears twice", "each name once", name);
    }
  }
  return values;
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
  return out.str();
}

RunConfig run_config_from_text(std::string_view text) {
  auto values = parse_lines(text);
  const auto take = [&](const std::string& name) {
    const auto node = values.extract(name);
    if (node.empty()) refuse("'" + name + "' is missing", "a value", "nothing");
    return node.mapped();
  };
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
  if (!values.empty()) refuse("a name is unknown", "no other names", values.begin()->first);
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
