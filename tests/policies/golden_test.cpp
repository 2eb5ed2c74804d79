#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include <doctest/doctest.h>

#include "rl/policies/policy.h"

namespace rl {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(RL_TEST_DATA) / "golden" / "policies";

WeightSnapshot read_snapshot(const std::string& head) {
  std::ifstream file(kFolder / (head + ".safetensors"), std::ios::binary);
  REQUIRE(file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {.run_id = 1,
          .version = 1,
          .image = std::make_shared<const Bytes>(bytes.begin(), bytes.end())};
}

EnvironmentSpec spec_for(bool discrete) {
  const TensorSpec choice = {.name = "action", .dtype = DType::i64, .low = {0}, .high = {2}};
  const TensorSpec force = {.name = "action", .shape = {2}, .low = {-2, 0}, .high = {2, 10}};
  return {.name = "Golden",
          .observations = {{.name = "state", .shape = {5}}},
          .actions = {discrete ? choice : force}};
}

}  // namespace

TEST_SUITE_BEGIN("policies::golden");

// Files and their generator: tests/golden/policies/gen_policies.py.
TEST_CASE("every head acts as an independent implementation in double says") {
  for (const char* head : {"categorical", "q_values", "gaussian", "squashed_gaussian"}) {
    CAPTURE(head);
    const bool discrete = std::string(head) == "categorical" || std::string(head) == "q_values";
    const auto policy = make_policy(spec_for(discrete), read_snapshot(head));
    std::ifstream lines(kFolder / (std::string(head) + ".txt"));
    int rows = 0;
    for (std::string line; std::getline(lines, line); ++rows) {
      std::istringstream numbers(line);
      const std::vector<double> values{std::istream_iterator<double>(numbers), {}};
      REQUIRE(values.size() == (discrete ? 7 : 8));
      const std::vector<float> state(values.begin(), values.begin() + 5);
      const auto* observation = reinterpret_cast<const std::byte*>(state.data());
      std::int64_t choice = -1;
      float force[2] = {};
      std::byte* action = discrete ? reinterpret_cast<std::byte*>(&choice)
                                   : reinterpret_cast<std::byte*>(force);
      float log_prob = 0.0F;
      const ActRow row{ConstFields({&observation, 1}), Fields({&action, 1}), &log_prob, nullptr};
      policy->act({&row, 1}, ActMode::greedy);
      if (discrete) {
        CHECK(choice == static_cast<std::int64_t>(values[5]));
      } else {
        CHECK(force[0] == doctest::Approx(values[5]).epsilon(1e-6));
        CHECK(force[1] == doctest::Approx(values[6]).epsilon(1e-6));
      }
      CHECK(log_prob == doctest::Approx(values.back()).epsilon(2e-6));
    }
    CHECK(rows == 12);
  }
}

TEST_SUITE_END();

}  // namespace rl
