#include <doctest/doctest.h>

#include <string>

#include "rl/core/error.h"
#include "rl/cuda/kernels.h"
#include "tests/support/errors.h"

using namespace rl::cuda;

namespace {

using rl::tests::contains;

template <class Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const rl::Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_SUITE("cuda kernels") {
  TEST_CASE("every kernel refuses an empty batch, or says that the build has none") {
    const std::string expected = has_kernels() ? "empty" : "RL_WITH_CUDA";
    CHECK(contains(error_of([] { gae({}, 0.99, 0.95, nullptr, nullptr); }), expected.c_str()));
    CHECK(contains(error_of([] { categorical({}, nullptr, nullptr, nullptr); }), expected.c_str()));
    CHECK(contains(error_of([] { categorical_backward({}, nullptr, nullptr, nullptr, nullptr); }),
                   expected.c_str()));
    CHECK(contains(error_of([] { add_token_scores({}, nullptr, nullptr); }), expected.c_str()));
    CHECK(contains(error_of([] { finish_token_scores(0, nullptr, nullptr, nullptr, nullptr); }),
                   expected.c_str()));
    CHECK(contains(error_of([] { token_scores_backward({}, nullptr, nullptr, nullptr, nullptr); }),
                   expected.c_str()));
  }
}
