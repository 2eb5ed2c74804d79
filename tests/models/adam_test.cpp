#include "rl/models/adam.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/full.h>
#include <ATen/ops/norm.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros.h>

#include "support/torch_doctest.h"

#include <cmath>
#include <limits>
#include <vector>

#include "rl/core/error.h"

using namespace rl;

namespace {

Parameters make_parameters() {
  Parameters parameters({{"weight", {3, 5}}, {"bias", {5}}}, at::kCPU);
  parameters.value(0).fill_(0.5);
  parameters.value(1).fill_(-0.25);
  return parameters;
}

void set_gradients(Parameters& parameters, double scale) {
  for (std::size_t i = 0; i < 2; ++i) {
    float* values = parameters.gradient(i).mutable_data_ptr<float>();
    for (std::int64_t k = 0; k < parameters.gradient(i).numel(); ++k) {
      values[k] = static_cast<float>(scale * std::sin(static_cast<double>(k + 1)));
    }
  }
}

Bytes state_of(const Adam& adam) {
  StateDict state;
  adam.put(state);
  return state.write({});
}

const at::Tensor kLoss = at::zeros({});

}  // namespace

TEST_SUITE("Adam") {
  TEST_CASE("how many threads compute a step changes no bit of it") {
    struct Restored {
      int threads = at::get_num_threads();
      ~Restored() { at::set_num_threads(threads); }
    } restored;
    const std::int64_t size = 1'000'003;
    at::manual_seed(5);
    const at::Tensor gradient = at::randn({size});
    std::vector<double> norms;
    std::vector<at::Tensor> values;
    for (const int threads : {1, 2, 3, 8}) {
      at::set_num_threads(threads);
      Parameters parameters({{"weight", {size}}}, at::kCPU);
      parameters.gradient(0).copy_(gradient);
      Adam adam(parameters, {.max_gradient_norm = 1.0});
      norms.push_back(adam.step(kLoss, 0.01).gradient_norm);
      values.push_back(parameters.value(0).clone());
    }
    CHECK(norms[0] == doctest::Approx(gradient.to(at::kDouble).norm().item<double>()).epsilon(1e-6));
    for (std::size_t i = 1; i < norms.size(); ++i) {
      CHECK(norms[i] == norms[0]);
      CHECK(values[i].equal(values[0]));
    }
  }

  TEST_CASE("steps equal the algorithm of the paper in double precision") {
    constexpr double kRate = 0.01;
    constexpr double kEpsilon = 1e-5;
    Parameters parameters = make_parameters();
    Adam adam(parameters, {.epsilon = kEpsilon});
    std::vector<double> value(15, 0.5);
    std::vector<double> first(15, 0.0);
    std::vector<double> second(15, 0.0);
    for (int step = 1; step <= 5; ++step) {
      set_gradients(parameters, 0.3 * step);
      CHECK(adam.step(kLoss, kRate).applied);
      for (std::size_t k = 0; k < 15; ++k) {
        const double gradient = 0.3 * step * std::sin(static_cast<double>(k + 1));
        first[k] = 0.9 * first[k] + 0.1 * gradient;
        second[k] = 0.999 * second[k] + 0.001 * gradient * gradient;
        const double unbiased = first[k] / (1.0 - std::pow(0.9, step));
        const double scale = std::sqrt(second[k] / (1.0 - std::pow(0.999, step))) + kEpsilon;
        value[k] -= kRate * unbiased / scale;
        CHECK(parameters.value(0).const_data_ptr<float>()[k] ==
              doctest::Approx(value[k]).epsilon(1e-6));
      }
    }
    CHECK(adam.num_steps() == 5);
  }

  TEST_CASE("weight decay is decoupled, and of matrices alone") {
    constexpr double kRate = 0.01;
    constexpr double kDecay = 0.2;
    Parameters with = make_parameters();
    Parameters without = make_parameters();
    Adam decaying(with, {.weight_decay = kDecay});
    Adam plain(without, {});
    for (int step = 1; step <= 3; ++step) {
      const at::Tensor decayed = with.value(0) * (1.0 - kRate * kDecay);
      const at::Tensor before = without.value(0).clone();
      for (Parameters* parameters : {&with, &without}) set_gradients(*parameters, 0.3 * step);
      REQUIRE(decaying.step(kLoss, kRate).applied);
      REQUIRE(plain.step(kLoss, kRate).applied);
      // The step itself depends on the gradients alone.
      CHECK((with.value(0) - (decayed + without.value(0) - before)).abs().max().item<double>() <
            1e-6);
      CHECK(with.value(1).equal(without.value(1)));
    }
    CHECK((state_of(decaying) == state_of(plain)));
    CHECK_FALSE(with.value(0).equal(without.value(0)));
  }

  TEST_CASE("gradients are clipped by their global norm, and not below it") {
    Parameters parameters = make_parameters();
    Adam adam(parameters, {.max_gradient_norm = 0.5});
    set_gradients(parameters, 1.0);
    const double norm = parameters.gradients().norm().item<double>();
    CHECK(adam.step(kLoss, 0.1).gradient_norm == doctest::Approx(norm));
    CHECK(parameters.gradients().norm().item<double>() == doctest::Approx(0.5).epsilon(1e-4));
    set_gradients(parameters, 0.01);
    const at::Tensor before = parameters.gradients().clone();
    adam.step(kLoss, 0.1);
    CHECK(parameters.gradients().equal(before));
  }

  TEST_CASE("a step that is not finite changes no bit and is counted") {
    const double bad[] = {std::numeric_limits<double>::quiet_NaN(),
                          std::numeric_limits<double>::infinity()};
    for (const double number : bad) {
      for (const bool in_loss : {false, true}) {
        CAPTURE(number);
        CAPTURE(in_loss);
        Parameters parameters = make_parameters();
        Adam adam(parameters, {.max_gradient_norm = 0.5});
        set_gradients(parameters, 1.0);
        REQUIRE(adam.step(kLoss, 0.1).applied);
        const at::Tensor values = parameters.values().clone();
        StateDict before;
        adam.put(before);
        set_gradients(parameters, 1.0);
        if (!in_loss) parameters.gradient(1).fill_(number);
        CHECK_FALSE(adam.step(in_loss ? at::full({}, number) : kLoss, 0.1).applied);
        CHECK(parameters.values().equal(values));
        CHECK(adam.num_steps() == 1);
        CHECK(adam.num_skipped() == 1);

        // The next good step is the one that would have followed without the bad one.
        Parameters clean = make_parameters();
        Adam reference(clean, {.max_gradient_norm = 0.5});
        set_gradients(clean, 1.0);
        reference.step(kLoss, 0.1);
        set_gradients(clean, 2.0);
        reference.step(kLoss, 0.1);
        set_gradients(parameters, 2.0);
        adam.step(kLoss, 0.1);
        CHECK(parameters.values().equal(clean.values()));
      }
    }
  }

  TEST_CASE("a saved state continues with the same bytes") {
    Parameters whole = make_parameters();
    Adam adam(whole, {});
    set_gradients(whole, 1.0);
    adam.step(kLoss, 0.1);
    const Bytes image = state_of(adam);

    Parameters copy = make_parameters();
    copy.values().copy_(whole.values());
    Adam resumed(copy, {});
    resumed.load(SafetensorsView(image, "test"));
    for (Parameters* parameters : {&whole, &copy}) set_gradients(*parameters, 0.5);
    adam.step(kLoss, 0.1);
    resumed.step(kLoss, 0.1);
    CHECK(whole.values().equal(copy.values()));
    CHECK((state_of(adam) == state_of(resumed)));
  }

  TEST_CASE("a state of other parameters is refused and changes nothing") {
    Parameters parameters = make_parameters();
    Adam adam(parameters, {});
    set_gradients(parameters, 1.0);
    adam.step(kLoss, 0.1);
    const Bytes before = state_of(adam);
    Parameters other({{"weight", {3, 4}}, {"bias", {5}}}, at::kCPU);
    const Bytes foreign = state_of(Adam(other, {}));
    CHECK_THROWS_AS(adam.load(SafetensorsView(foreign, "test")), Error);
    CHECK((state_of(adam) == before));
  }
}
