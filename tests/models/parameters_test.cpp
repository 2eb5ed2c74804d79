#include "rl/models/parameters.h"

#include <ATen/ops/zeros.h>

#include "support/torch_doctest.h"

#include <cstdint>

#include "rl/core/error.h"

using namespace rl;

namespace {

Parameters make_parameters() {
  return Parameters({{"a", {2, 3}}, {"b", {5}}, {"c", {}}}, at::kCPU);
}

}  // namespace

TEST_SUITE("Parameters") {
  TEST_CASE("views share the flat buffers and start at multiples of 64 bytes") {
    const Parameters parameters = make_parameters();
    CHECK(parameters.num_parameters() == 12);
    const auto base = reinterpret_cast<std::uintptr_t>(parameters.values().const_data_ptr());
    for (std::size_t i = 0; i < 3; ++i) {
      parameters.value(i).fill_(static_cast<double>(i + 1));
      const auto address = reinterpret_cast<std::uintptr_t>(parameters.value(i).const_data_ptr());
      CHECK((address - base) % 64 == 0);
    }
    CHECK(parameters.values().sum().item<double>() == 6 * 1 + 5 * 2 + 3);
    parameters.gradient(parameters.index("b")).fill_(1.0);
    CHECK(parameters.gradients().sum().item<double>() == 5);
  }

  TEST_CASE("values survive an image, under a prefix") {
    const Parameters parameters = make_parameters();
    for (std::size_t i = 0; i < 3; ++i) parameters.value(i).fill_(0.25 * static_cast<double>(i));
    StateDict state;
    parameters.put(state, "copy.", parameters.values());
    const Bytes image = state.write({{"key", "value"}});
    const SafetensorsView view(image, "test");
    CHECK(view.require("copy.a").shape == Shape{2, 3});
    CHECK(view.metadata().at("key") == "value");
    CHECK(parameters.read(view, "copy.").equal(parameters.values()));
  }

  TEST_CASE("a missing tensor or another shape is refused by name") {
    StateDict state;
    Parameters({{"a", {3, 2}}}, at::kCPU).put(state, "", at::zeros({16}));
    const Bytes image = state.write({});
    const SafetensorsView view(image, "test");
    CHECK_THROWS_WITH_AS(make_parameters().read(view, ""), doctest::Contains("a"), Error);
    CHECK_THROWS_WITH_AS(make_parameters().read(view, "no."), doctest::Contains("no.a"), Error);
  }

  TEST_CASE("names are unique and unknown ones refused") {
    CHECK_THROWS_AS(Parameters({{"a", {1}}, {"a", {1}}}, at::kCPU), Error);
    CHECK_THROWS_WITH_AS(make_parameters().index("z"), doctest::Contains("z"), Error);
  }
}

TEST_SUITE("StateDict") {
  TEST_CASE("numbers of every kind come back as they were") {
    StateDict state;
    const std::vector<double> doubles{0.1, -2.0};
    state.put("doubles", doubles);
    state.put("count", std::uint64_t{7});
    state.put("float", 0.5F);
    const Bytes image = state.write({});
    const SafetensorsView view(image, "test");
    CHECK(read_f64(view, "doubles", 2) == doubles);
    CHECK(read_count(view, "count") == 7);
    CHECK(read_f32(view, "float", {}).item<float>() == 0.5F);
    CHECK_THROWS_AS(read_f64(view, "doubles", 3), Error);
    CHECK_THROWS_AS(read_count(view, "float"), Error);
  }

  TEST_CASE("a negative count and a tensor of another type are refused") {
    StateDict state;
    state.put("count", static_cast<std::uint64_t>(-1));
    const Bytes image = state.write({});
    CHECK_THROWS_WITH_AS(read_count(SafetensorsView(image, "test"), "count"),
                         doctest::Contains("negative"), Error);
    CHECK_THROWS_AS(state.put("half", at::zeros({2}, at::kHalf)), Error);
  }
}
