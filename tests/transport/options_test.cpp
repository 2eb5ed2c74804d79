#include "rl/transport/options.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>

#include "rl/core/error.h"
#include "src/transport/address.h"

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;

TEST_SUITE_BEGIN("transport options");

TEST_CASE("the defaults are valid") {
  CHECK_NOTHROW(validate(LearnerOptions{}));
  CHECK_NOTHROW(validate(WorkerOptions{}));
}

TEST_CASE("a value out of range names its field") {
  const auto check = [](const std::string& field, const std::function<void(LearnerOptions&)>& set) {
    LearnerOptions options;
    set(options);
    CHECK_THROWS_WITH_AS(validate(options), doctest::Contains(field.c_str()), Error);
  };
  check("max_control_bytes", [](auto& o) { o.limits.max_control_bytes = 1023; });
  check("max_message_bytes", [](auto& o) { o.limits.max_message_bytes = 131071; });
  check("weight_chunk_bytes", [](auto& o) { o.limits.weight_chunk_bytes = 1023; });
  check("weight_chunk_bytes", [](auto& o) { o.limits.weight_chunk_bytes = 983041; });
  check("max_fragments_per_message", [](auto& o) { o.limits.max_fragments_per_message = 0; });
  check("max_workers", [](auto& o) { o.limits.max_workers = 0; });
  check("strikes", [](auto& o) { o.limits.strikes = 0; });
  check("credit_bytes", [](auto& o) { o.credit_bytes = 4095; });
  check("worker_timeout", [](auto& o) { o.worker_timeout = milliseconds(1999); });
  check("heartbeat_every", [](auto& o) { o.heartbeat_every = milliseconds(0); });
  check("keys.secret_key", [](auto& o) { o.keys.public_key = std::string(40, 'a'); });
  WorkerOptions worker;
  worker.batch_bytes = worker.limits.max_message_bytes + 1;
  CHECK_THROWS_WITH_AS(validate(worker), doctest::Contains("batch_bytes"), Error);
  worker = {};
  worker.gather_time = milliseconds(-1);
  CHECK_THROWS_WITH_AS(validate(worker), doctest::Contains("gather_time"), Error);
  worker = {};
  worker.learner_timeout = milliseconds(1);
  CHECK_THROWS_WITH_AS(validate(worker), doctest::Contains("learner_timeout"), Error);
}

TEST_CASE("addresses that cannot work are refused with an example of one that does") {
  for (const std::string text : {"", "tcp://", "5555", "udp://127.0.0.1:5", "tcp://127.0.0.1",
                                 "tcp://127.0.0.1:", "tcp://127.0.0.1:99999", "tcp://h:12x"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(parse_address(text, "test"), doctest::Contains("tcp://"), Error);
  }
}

TEST_CASE("an ipc path is refused one byte past what a socket's address holds") {
  CHECK_NOTHROW(parse_address("ipc://" + std::string(107, 'a'), "test"));
  CHECK_THROWS_WITH_AS(parse_address("ipc://" + std::string(108, 'a'), "test"),
                       doctest::Contains("too long"), Error);
}

TEST_CASE("only tcp beyond the loopback is wide") {
  for (const std::string text :
       {"ipc://@/a", "inproc://a", "tcp://127.0.0.1:1", "tcp://[::1]:1", "tcp://localhost:*"}) {
    CHECK_FALSE(parse_address(text, "test").is_wide);
  }
  for (const std::string text : {"tcp://*:1", "tcp://0.0.0.0:1", "tcp://eth0:1", "tcp://[::]:1"}) {
    CHECK(parse_address(text, "test").is_wide);
  }
}

TEST_SUITE_END();
