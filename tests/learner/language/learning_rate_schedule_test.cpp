#include "learner/language/learning_rate_schedule.h"

#include <doctest/doctest.h>

namespace rl {

TEST_SUITE("learning rate") {
  TEST_CASE("it rises in equal steps to the highest, which the last step of the warm-up has") {
    const LearningRateSchedule schedule{.highest = 0.4, .warmup_steps = 4, .total_steps = 10};
    CHECK(learning_rate_at(schedule, 0) == doctest::Approx(0.1));
    CHECK(learning_rate_at(schedule, 2) == doctest::Approx(0.3));
    CHECK(learning_rate_at(schedule, 3) == doctest::Approx(0.4));
  }

  TEST_CASE("then it falls along half a cosine, to 0 at the step after the last") {
    const LearningRateSchedule schedule{.highest = 1.0, .warmup_steps = 2, .total_steps = 10};
    CHECK(learning_rate_at(schedule, 2) == doctest::Approx(1.0));
    CHECK(learning_rate_at(schedule, 4) == doctest::Approx(0.8535533905932737));
    CHECK(learning_rate_at(schedule, 6) == doctest::Approx(0.5));
    CHECK(learning_rate_at(schedule, 8) == doctest::Approx(0.1464466094067262));
    CHECK(learning_rate_at(schedule, 9) > 0.0);
    CHECK(learning_rate_at(schedule, 10) == doctest::Approx(0.0));
    CHECK(learning_rate_at(schedule, 1000) == doctest::Approx(0.0));
  }

  TEST_CASE("or stays where it is") {
    const LearningRateSchedule schedule{
        .highest = 0.5, .warmup_steps = 1, .total_steps = 10, .cosine = false};
    for (std::uint64_t step = 0; step < 20; ++step) CHECK(learning_rate_at(schedule, step) == 0.5);
  }

  TEST_CASE("a run that ends within the warm-up never divides by nothing") {
    const LearningRateSchedule schedule{.highest = 1.0, .warmup_steps = 10, .total_steps = 5};
    CHECK(learning_rate_at(schedule, 4) == doctest::Approx(0.5));
    CHECK(learning_rate_at(schedule, 10) == doctest::Approx(1.0));
  }
}

}  // namespace rl
