#include <doctest/doctest.h>
#include <unistd.h>

#include "fixtures.h"
#include "rl/core/error.h"

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLong{20000};  // an upper bound: nothing waits for it when all is well

std::vector<std::string> addresses() {
  const std::string id = std::to_string(getpid());
  return {"inproc://test-" + id, "ipc://@/corral-test-" + id, "tcp://127.0.0.1:*"};
}

}  // namespace

TEST_SUITE_BEGIN("transport endpoints");

TEST_CASE("experience arrives in order, weights arrive whole, and both ends part in peace") {
  for (const std::string& address : addresses()) {
    CAPTURE(address);
    const RunManifest manifest = small_manifest();
    LearnerEndpoint learner({.bind = address}, manifest);
    learner.set_assignment(0, Bytes(100, std::byte{7}));
    learner.publish(small_weights(1));
    WorkerEndpoint worker({.connect = learner.address()}, small_hello());
    const Welcome welcome = worker.connect(kLong);
    CHECK(welcome.run_id == 77);
    CHECK(welcome.slot == 0);
    CHECK(welcome.assignment == Bytes(100, std::byte{7}));
    CHECK(welcome.weight_version == 1);
    CHECK(welcome.run_config == manifest.run_config);
    worker.set_schema(manifest.schema);

    const auto first = worker.wait_for_weights(1, kLong);
    REQUIRE(first);
    CHECK(*first->image == *small_weights(1).image);
    for (std::uint64_t i = 0; i < 500; ++i) {
      REQUIRE(worker.send(small_fragment(manifest.schema, 3, i), kLong));
    }
    worker.flush();
    for (std::uint64_t i = 0; i < 500; ++i) {
      const auto received = learner.receive(kLong);
      REQUIRE(received);
      CHECK(received->fragment->header().sequence == i);
      CHECK(received->worker_id == welcome.worker_id);
    }
    learner.publish(small_weights(2, 1500000));  // several chunks
    const auto second = worker.wait_for_weights(2, kLong);
    REQUIRE(second);
    CHECK(*second->image == *small_weights(2, 1500000).image);
    CHECK(worker.close(kLong));
    CHECK(learner.stop_workers(kLong));
    CHECK(learner.counters().fragments_received == 500);
    CHECK(learner.counters().produced == 500);
  }
}

TEST_SUITE_END();
