#include "rl/learner/train_options.h"

#include <doctest/doctest.h>

#include "rl/core/error.h"

namespace rl {
namespace {

void check_refused(void (*change)(TrainOptions&), const char* named) {
  TrainOptions options;
  change(options);
  CHECK_THROWS_WITH_AS(validate(options), doctest::Contains(named), Error);
}

TEST_SUITE("train options") {
  TEST_CASE("the defaults are usable") { CHECK_NOTHROW(validate(TrainOptions{})); }

  TEST_CASE("a wrong value is refused with the option's name") {
    check_refused([](TrainOptions& o) { o.worker_mode = "fibre"; }, "--worker-mode");
    check_refused([](TrainOptions& o) { o.endpoint = "udp"; }, "inproc, ipc, tcp");
    check_refused([](TrainOptions& o) { o.mode = "sync"; }, "lockstep, async");
    check_refused([](TrainOptions& o) { o.device = "tpu"; }, "--device");
    check_refused([](TrainOptions& o) { o.num_environments = 0; }, "--num-envs");
    check_refused([](TrainOptions& o) { o.total_steps = 0; }, "--steps");
    check_refused([](TrainOptions& o) { o.evaluation_episodes = 0; }, "--eval-episodes");
    check_refused([](TrainOptions& o) { o.fragment_steps = 0; }, "--fragment-steps");
    check_refused([](TrainOptions& o) { o.checkpoint_every = -1; }, "--checkpoint-every");
    check_refused([](TrainOptions& o) { o.out = ""; }, "--out");
  }

  TEST_CASE("combinations that cannot work are refused") {
    check_refused([](TrainOptions& o) { o.num_workers = 9; }, "at most --num-envs (8)");
    check_refused([](TrainOptions& o) { o.endpoint = "inproc"; }, "ipc or tcp");
  }
}

}  // namespace
}  // namespace rl
