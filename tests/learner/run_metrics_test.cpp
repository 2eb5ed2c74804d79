#include "learner/run_metrics.h"

#include <doctest/doctest.h>

#include <cmath>

namespace rl {
namespace {

using std::chrono::seconds;

transport::WorkerStatus worker(std::uint64_t id, seconds alive, seconds waited) {
  transport::WorkerStatus status;
  status.worker_id = id;
  status.alive = alive;
  status.waited = waited;
  return status;
}

TEST_SUITE("run metrics") {
  TEST_CASE("idleness is of the time since the last look, over all workers") {
    WorkerIdleness idleness;
    CHECK(std::isnan(idleness.share({})));
    CHECK(idleness.share({worker(1, seconds(4), seconds(1))}) == 0.25);
    CHECK(idleness.share({worker(1, seconds(8), seconds(4)), worker(2, seconds(4), seconds(0))}) ==
          3.0 / 8.0);
  }

  TEST_CASE("without a heartbeat it stays; a worker in another's place begins anew") {
    WorkerIdleness idleness;
    idleness.share({worker(1, seconds(4), seconds(1))});
    CHECK(idleness.share({worker(1, seconds(4), seconds(1))}) == 0.25);
    CHECK(idleness.share({worker(7, seconds(2), seconds(1))}) == 0.5);
  }

  TEST_CASE("a metric is the mean of what was counted") {
    MetricMean mean;
    CHECK(std::isnan(mean.value()));
    mean.add(1.0);
    mean.add(4.0);
    CHECK(mean.value() == 2.5);
  }
}

}  // namespace
}  // namespace rl
