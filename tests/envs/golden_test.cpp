// Steps of the environments that Gymnasium has, beside Gymnasium's own: tests/golden/envs.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <sstream>

#include <doctest/doctest.h>

#include "rl/envs/registry.h"
#include "support/environment_conformance.h"

namespace rl {
namespace {

const std::string kFolder = std::string(RL_TEST_DATA) + "/golden/envs/";

// These are not Gymnasium's; their values are tested exactly elsewhere.
bool is_own(const std::string& name) {
  return name.starts_with("Probe-") || name.starts_with("GridWorld") || name == "Memory";
}

struct TraceStep {
  std::uint64_t steps_before;
  std::vector<double> state, action, next_state, observation;
  double reward;
  bool terminated, truncated;
};

struct Trace {
  std::map<std::string, std::vector<double>> header;
  std::vector<TraceStep> steps;
};

std::vector<double> parse_numbers(const std::string& text) {
  std::istringstream in(text);
  std::vector<double> numbers;
  for (std::string word; in >> word;) numbers.push_back(std::strtod(word.c_str(), nullptr));
  return numbers;
}

TraceStep parse_step(const std::string& line) {
  std::vector<std::vector<double>> parts;
  std::istringstream in(line);
  for (std::string part; std::getline(in, part, ':');) parts.push_back(parse_numbers(part));
  REQUIRE(parts.size() == 5);
  REQUIRE(parts[4].size() == 3);
  TraceStep step{.steps_before = static_cast<std::uint64_t>(parts[0].at(0)),
                 .state = {parts[0].begin() + 1, parts[0].end()},
                 .action = parts[1],
                 .next_state = parts[2],
                 .observation = parts[3],
                 .reward = parts[4][0],
                 .terminated = parts[4][1] != 0.0,
                 .truncated = parts[4][2] != 0.0};
  return step;
}

Trace read_trace(const std::string& name) {
  std::ifstream file(kFolder + name + ".txt");
  REQUIRE_MESSAGE(file.good(), "no trace of " << name << ": run tests/golden/envs/generate.py");
  Trace trace;
  for (std::string line; std::getline(file, line);) {
    if (line[0] == '#') continue;
    const bool is_step = line.find(':') != std::string::npos;
    if (is_step) {
      trace.steps.push_back(parse_step(line));
    } else {
      const auto space = line.find(' ');
      trace.header[line.substr(0, space)] = parse_numbers(line.substr(space));
    }
  }
  return trace;
}

// The documented layout of TaskEnvironment (rl/envs/task.h).
Bytes saved_state(const std::string& name, std::uint64_t steps, const std::vector<double>& state) {
  ByteWriter out;
  out.put_string(name);
  out.put(steps);
  out.put(std::uint8_t{1});   // running
  out.put(std::uint64_t{0});  // seed
  out.put(std::uint64_t{0});  // stream position
  for (const double value : state) out.put(value);
  return out.take();
}

std::vector<double> state_of(const Environment& environment, std::size_t size) {
  const Bytes bytes = environment.save_state().value();
  std::vector<double> state(size);
  std::memcpy(state.data(), bytes.data() + bytes.size() - 8 * size, 8 * size);
  return state;
}

// To float32 rounding: one unit in the last place of a float of this size.
bool is_same(double ours, double theirs) {
  return std::abs(ours - theirs) <=
         std::numeric_limits<float>::epsilon() * std::max(1.0, std::abs(theirs));
}

void write_action(const TensorSpec& spec, const std::vector<double>& action, Fields rows) {
  for (std::size_t i = 0; i < action.size(); ++i) {
    if (spec.is_discrete()) {
      rows.as<std::int64_t>(0)[i] = static_cast<std::int64_t>(action[i]);
    } else {
      rows.as<float>(0)[i] = static_cast<float>(action[i]);
    }
  }
}

void check_step(Environment& environment, const TraceStep& step) {
  const EnvironmentSpec& spec = environment.spec();
  OwnedRows action(spec.actions);
  OwnedRows observation(spec.observations);
  environment.load_state(saved_state(spec.name, step.steps_before, step.state));
  write_action(spec.actions[0], step.action, action.fields());
  const StepResult result = environment.step(action.const_fields(), observation.fields());

  const auto next_state = state_of(environment, step.next_state.size());
  for (std::size_t i = 0; i < next_state.size(); ++i) {
    CAPTURE(i);
    CHECK_MESSAGE(is_same(next_state[i], step.next_state[i]), "state ", next_state[i], " is not ",
                  step.next_state[i]);
  }
  for (std::size_t i = 0; i < step.observation.size(); ++i) {
    CAPTURE(i);
    const double seen = observation.const_fields().as<float>(0)[i];
    CHECK_MESSAGE(is_same(seen, step.observation[i]), "observation ", seen, " is not ",
                  step.observation[i]);
  }
  CHECK(is_same(result.reward, step.reward));
  CHECK(result.terminated == step.terminated);
  // Gymnasium sets both flags when the task ends at the limit; here it is terminated alone.
  CHECK(result.truncated == (step.truncated && !step.terminated));
}

void check_bounds(const std::vector<double>& ours, const std::vector<double>& theirs) {
  REQUIRE(ours.size() == theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    CHECK(static_cast<float>(ours[i]) == static_cast<float>(theirs[i]));
  }
}

}  // namespace

TEST_SUITE("environments beside Gymnasium") {
  TEST_CASE("every registered environment that Gymnasium has is traced") {
    for (const std::string& name : environment_names()) {
      CHECK_MESSAGE((is_own(name) || std::ifstream(kFolder + name + ".txt").good()), "add ", name,
                    " to tests/golden/envs/generate.py and run it");
    }
  }

  TEST_CASE("the same state and action give Gymnasium's next state, reward and flags") {
    for (const std::string& name : environment_names()) {
      if (is_own(name)) continue;
      const Trace trace = read_trace(name);
      const auto environment = make_environment(name);
      CHECK(trace.steps.size() >= 400);
      for (std::size_t i = 0; i < trace.steps.size(); ++i) {
        INFO(name << ", step " << i);
        check_step(*environment, trace.steps[i]);
      }
    }
  }

  TEST_CASE("bounds and step limits are Gymnasium's") {
    for (const std::string& name : environment_names()) {
      if (is_own(name)) continue;
      INFO(name);
      Trace trace = read_trace(name);
      const auto environment = make_environment(name);
      const EnvironmentSpec& spec = environment->spec();
      check_bounds(spec.observations[0].low, trace.header.at("observation_low"));
      check_bounds(spec.observations[0].high, trace.header.at("observation_high"));
      CHECK(static_cast<double>(spec.max_episode_steps) ==
            trace.header.at("max_episode_steps").at(0));
      if (spec.actions[0].is_discrete()) {
        CHECK(static_cast<double>(spec.actions[0].num_categories(0)) ==
              trace.header.at("action_categories").at(0));
      } else {
        check_bounds(spec.actions[0].low, trace.header.at("action_low"));
        check_bounds(spec.actions[0].high, trace.header.at("action_high"));
      }
    }
  }

  TEST_CASE("first states spread over Gymnasium's ranges") {
    struct Range {
      const char* name;
      std::vector<double> low, high;
    };
    const double pi = std::acos(-1.0);
    const std::array<Range, 5> ranges{{
        {"CartPole-v1", std::vector<double>(4, -0.05), std::vector<double>(4, 0.05)},
        {"Acrobot-v1", std::vector<double>(4, -0.1), std::vector<double>(4, 0.1)},
        {"MountainCar-v0", {-0.6, 0.0}, {-0.4, 0.0}},
        {"MountainCarContinuous-v0", {-0.6, 0.0}, {-0.4, 0.0}},
        {"Pendulum-v1", {-pi, -1.0}, {pi, 1.0}},
    }};
    constexpr int kResets = 2000;
    for (const Range& range : ranges) {
      const auto environment = make_environment(range.name);
      OwnedRows observation(environment->spec().observations);
      for (std::size_t i = 0; i < range.low.size(); ++i) {
        const double width = range.high[i] - range.low[i];
        double sum = 0.0, low = 1e9, high = -1e9;
        for (int seed = 0; seed < kResets; ++seed) {
          environment->reset(static_cast<std::uint64_t>(seed), observation.fields());
          const double value = state_of(*environment, range.low.size())[i];
          sum += value;
          low = std::min(low, value);
          high = std::max(high, value);
        }
        INFO(range.name << " state " << i);
        CHECK(low >= range.low[i] - 1e-8);
        CHECK(high <= range.high[i] + 1e-8);
        CHECK(high - low >= 0.98 * width);
        // Standard error of the mean of a uniform draw; five of them.
        const double error = width / std::sqrt(12.0 * kResets);
        CHECK(std::abs(sum / kResets - (range.low[i] + range.high[i]) / 2) <= 5 * error + 1e-12);
      }
    }
  }

  TEST_CASE("the traces are what the installed Gymnasium gives") {
    const char* python = std::getenv("CORRAL_ORACLES");
    if (python == nullptr) {
      MESSAGE("skipped: needs Gymnasium, run scripts/test --oracles");
      CHECK(std::ifstream(kFolder + "generate.py").good());
      return;
    }
    const std::string command = std::string(python) + " " + kFolder + "generate.py --check";
    CHECK(std::system(command.c_str()) == 0);
  }
}

}  // namespace rl
