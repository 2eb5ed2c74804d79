#include "src/policies/mlp.h"

#include <cmath>
#include <cstring>
#include <limits>

#include <doctest/doctest.h>

#include "rl/core/rng.h"

namespace rl {
namespace {

struct RandomNetwork {
  std::vector<std::int64_t> widths;
  std::vector<std::vector<float>> weights;
  std::vector<std::vector<float>> biases;
};

RandomNetwork random_network(const std::vector<std::int64_t>& widths, std::uint64_t seed) {
  RngStream stream(seed, RngRole::test, 1);
  RandomNetwork network{widths, {}, {}};
  const auto draw = [&](std::int64_t count) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = static_cast<float>(stream.uniform(-0.7, 0.7));
    return values;
  };
  for (std::size_t i = 0; i + 1 < widths.size(); ++i) {
    network.weights.push_back(draw(widths[i] * widths[i + 1]));
    network.biases.push_back(draw(widths[i + 1]));
  }
  return network;
}

Mlp make(const RandomNetwork& network, Activation activation, const MlpKernel& kernel) {
  Mlp mlp(network.widths, activation, kernel);
  for (std::size_t i = 0; i < network.weights.size(); ++i) {
    mlp.set_layer(i, network.weights[i], network.biases[i]);
  }
  return mlp;
}

std::vector<double> reference(const RandomNetwork& network, Activation activation,
                              std::vector<double> x) {
  for (std::size_t layer = 0; layer < network.weights.size(); ++layer) {
    std::vector<double> y(network.biases[layer].begin(), network.biases[layer].end());
    for (std::size_t out = 0; out < y.size(); ++out) {
      for (std::size_t in = 0; in < x.size(); ++in) {
        y[out] += double{network.weights[layer][out * x.size() + in]} * x[in];
      }
      if (layer + 1 == network.weights.size()) continue;
      y[out] = activation == Activation::tanh ? std::tanh(y[out]) : std::max(y[out], 0.0);
    }
    x = y;
  }
  return x;
}

const std::vector<std::vector<std::int64_t>> kShapes = {
    {8, 64, 64, 4}, {1, 1}, {3, 17, 5}, {40, 100, 33, 18}, {7, 16, 130, 1}};

}  // namespace

TEST_SUITE_BEGIN("policies::Mlp");

TEST_CASE("outputs agree with a network computed in double") {
  for (const auto& widths : kShapes) {
    for (const Activation activation : {Activation::tanh, Activation::relu}) {
      const RandomNetwork network = random_network(widths, 1);
      Mlp mlp = make(network, activation, *available_mlp_kernels().back());
      RngStream stream(2, RngRole::test, 0);
      for (std::size_t row = 0; row < Mlp::kMaxRows; ++row) {
        for (float& x : mlp.input(row)) x = static_cast<float>(stream.uniform(-2.0, 2.0));
      }
      mlp.forward(Mlp::kMaxRows);
      // Over the rows of each output: a single one may be small by cancellation.
      std::vector<double> errors(static_cast<std::size_t>(widths.back()));
      std::vector<double> squares(errors.size());
      for (std::size_t row = 0; row < Mlp::kMaxRows; ++row) {
        const auto input = mlp.input(row);
        const auto expected = reference(network, activation, {input.begin(), input.end()});
        for (std::size_t i = 0; i < expected.size(); ++i) {
          errors[i] += std::pow(mlp.output(row)[i] - expected[i], 2);
          squares[i] += std::pow(expected[i], 2);
        }
      }
      for (std::size_t i = 0; i < errors.size(); ++i) {
        CHECK(std::sqrt(errors[i] / squares[i]) < 1e-6);
      }
    }
  }
}

TEST_CASE("every form gives the same bits for every number of rows") {
  for (const auto& widths : kShapes) {
    for (const Activation activation : {Activation::tanh, Activation::relu}) {
      const RandomNetwork network = random_network(widths, 3);
      std::vector<std::vector<float>> expected;
      for (const MlpKernel* kernel : available_mlp_kernels()) {
        CAPTURE(kernel->name);
        Mlp mlp = make(network, activation, *kernel);
        for (const std::size_t rows : {1UL, 2UL, 3UL, 4UL, 5UL, 31UL, 64UL}) {
          for (std::size_t row = 0; row < rows; ++row) {
            RngStream stream(9, RngRole::test, row);
            for (float& x : mlp.input(row)) x = static_cast<float>(stream.uniform(-9.0, 9.0));
          }
          mlp.forward(rows);
          for (std::size_t row = 0; row < rows; ++row) {
            const std::vector<float> got(mlp.output(row).begin(), mlp.output(row).end());
            if (row == expected.size()) expected.push_back(got);
            REQUIRE(std::memcmp(got.data(), expected[row].data(), got.size() * 4) == 0);
          }
        }
      }
    }
  }
}

TEST_CASE("every form's tanh has the same bits and is right to three units in the last place") {
  std::vector<float> inputs;
  for (int i = -24'000; i < 24'000; ++i) inputs.push_back(static_cast<float>(i) / 2000.0F);
  for (const float x : {0.0F, -0.0F, 1e-30F, 0.625F, 0.62499994F, 9.9F, 1e4F, -1e30F,
                        std::numeric_limits<float>::infinity()}) {
    inputs.push_back(x);
  }
  inputs.resize((inputs.size() + kMlpLanes - 1) / kMlpLanes * kMlpLanes, 0.5F);
  struct alignas(64) Line {
    float lanes[kMlpLanes];
  };
  std::vector<Line> expected;
  for (const MlpKernel* kernel : available_mlp_kernels()) {
    CAPTURE(kernel->name);
    std::vector<Line> lines(inputs.size() / kMlpLanes);
    std::memcpy(lines.data(), inputs.data(), inputs.size() * sizeof(float));
    kernel->tanh(lines.data()->lanes, inputs.size());
    if (expected.empty()) expected = lines;
    CHECK(std::memcmp(lines.data(), expected.data(), inputs.size() * sizeof(float)) == 0);
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const double right = std::tanh(double{inputs[i]});
    const double got = expected[i / kMlpLanes].lanes[i % kMlpLanes];
    REQUIRE(std::abs(got - right) <= 3.0 * 0x1p-24 * std::abs(right));
    REQUIRE(std::signbit(got) == std::signbit(right));
  }
}

TEST_CASE("a value that is not a number stays one") {
  for (const MlpKernel* kernel : available_mlp_kernels()) {
    for (const Activation activation : {Activation::tanh, Activation::relu}) {
      Mlp mlp = make(random_network({2, 3, 1}, 1), activation, *kernel);
      mlp.input(0)[0] = std::nanf("");
      mlp.input(0)[1] = 1.0F;
      mlp.forward(1);
      CHECK(std::isnan(mlp.output(0)[0]));
    }
  }
}

TEST_SUITE_END();

}  // namespace rl
