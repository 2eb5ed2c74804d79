#include <doctest/doctest.h>

#include "tests/transport/learner_fixture.h"

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;

TEST_SUITE_BEGIN("transport weight offers");

TEST_CASE("small weights follow their notice at once, large ones wait to be asked for") {
  Learner learner;
  const Limits limits;
  learner.join(1);
  learner.protocol.publish(std::make_unique<WeightSource>(small_weights(1), limits, 0),
                           learner.now);
  auto messages = learner.collect();
  CHECK(find<NoticeMessage>(messages)->version == 1);
  CHECK(find<ChunkHeader>(messages)->version == 1);
  const auto large = small_weights(2, limits.weight_chunk_bytes + 1);
  learner.protocol.publish(std::make_unique<WeightSource>(large, limits, 0), learner.now);
  messages = learner.collect();
  CHECK(find<NoticeMessage>(messages)->version == 2);
  CHECK_FALSE(find<ChunkHeader>(messages));
  CHECK(find<ChunkHeader>(learner.say("peer1", WeightRequestMessage{1, 2, 1}))->chunk == 1);
  CHECK(find<NoticeMessage>(learner.say("peer1", WeightRequestMessage{1, 1, 0}))->version == 2);
  CHECK_THROWS_WITH_AS(
      learner.protocol.publish(std::make_unique<WeightSource>(small_weights(2), limits, 0), kStart),
      doctest::Contains("versions must rise"), Error);
}

TEST_CASE("weights that somebody pulls can be had until he has them, one older version at a time") {
  Learner learner;
  const Limits limits;
  learner.join(1);
  const auto publish = [&](std::uint64_t version) {
    const auto large = small_weights(version, 3 * limits.weight_chunk_bytes);
    learner.protocol.publish(std::make_unique<WeightSource>(large, limits, 0), learner.now);
    return learner.collect();
  };
  const auto serves = [&](std::uint64_t version, std::uint32_t chunk) {
    const auto answer = learner.say("peer1", WeightRequestMessage{1, version, chunk});
    const auto header = find<ChunkHeader>(answer);
    return header && header->version == version;
  };
  publish(1);
  CHECK(serves(1, 0));
  for (std::uint64_t version = 2; version <= 5; ++version) {
    learner.now += milliseconds(400);
    CHECK(find<NoticeMessage>(publish(version))->version == version);
    CHECK(serves(1, 1));
    CHECK(serves(version, 0));
    if (version > 2) CHECK_FALSE(serves(version - 1, 0));
  }
  learner.now += milliseconds(2000);  // nobody asked: whoever pulled is gone, or done
  publish(6);
  CHECK_FALSE(serves(1, 2));
  CHECK_FALSE(serves(5, 0));
  CHECK(serves(6, 0));
  publish(7);
  CHECK(serves(6, 1));
}

TEST_CASE("a heartbeat that shows old weights brings the notice again") {
  Learner learner;
  learner.join(1);
  learner.protocol.publish(std::make_unique<WeightSource>(small_weights(1), Limits{}, 0),
                           learner.now);
  learner.collect();
  learner.now += std::chrono::seconds(2);
  CHECK(find<NoticeMessage>(learner.say("peer1", HeartbeatMessage{.session = 1})));
  learner.now += std::chrono::seconds(2);
  const HeartbeatMessage newest{.session = 1, .weight_version = 1};
  CHECK_FALSE(find<NoticeMessage>(learner.say("peer1", newest)));
}

TEST_SUITE_END();
