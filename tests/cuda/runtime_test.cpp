#include "rl/cuda/runtime.h"

#include <doctest/doctest.h>

#include <string>

#include "rl/core/error.h"

TEST_SUITE("cuda runtime") {
  TEST_CASE("a GPU is either available or the reason why not is told") {
    CHECK(rl::cuda::available() == rl::cuda::unavailable_reason().empty());
    CHECK(rl::cuda::unavailable_reason() == rl::cuda::unavailable_reason());
  }

  TEST_CASE("loading fails with the reason, again at the next call, in a program that cannot") {
    for (int attempt = 0; attempt < 2; ++attempt) {
      std::string message;
      try {
        rl::cuda::load();
      } catch (const rl::Error& error) {
        message = error.what();
      }
      // These tests link no LibTorch, so with a GPU it is LibTorch that is missed.
      const std::string expected =
          rl::cuda::available() ? "does not use LibTorch" : rl::cuda::unavailable_reason();
      CHECK(message.find(expected) != std::string::npos);
    }
  }
}
