#include <doctest/doctest.h>

#include "fixtures.h"
#include "rl/core/error.h"
#include "src/transport/weight_pull.h"
#include "src/transport/weight_source.h"

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;

namespace {

Limits small_chunks() {
  Limits limits;
  limits.weight_chunk_bytes = 1024;
  return limits;
}

struct Pulling {
  Pulling() { pull.set_learner(77, 5); }
  void notice(const WeightSource& source) {
    pull.on_notice(*decode<NoticeMessage>(parse_message(*source.notice(), limits)), now);
  }
  void chunk(WeightSource& source, std::uint32_t index) { deliver(*source.chunk(index)); }
  void deliver(const Bytes& message) {
    const ParsedMessage parsed = parse_message(message, limits);
    pull.on_chunk(*decode<ChunkHeader>(parsed), parsed.body, now);
  }
  Limits limits = small_chunks();
  Nanoseconds now{0};
  WeightPull pull{limits};
};

WeightSource source(std::uint64_t version, std::size_t bytes, std::uint64_t run = 77,
                    std::uint64_t learner = 5) {
  WeightSnapshot snapshot = small_weights(version, bytes);
  snapshot.run_id = run;
  return {snapshot, small_chunks(), learner};
}

}  // namespace

TEST_SUITE_BEGIN("transport weights");

TEST_CASE("an image is whole after its last chunk, in any order, and not before") {
  Pulling worker;
  WeightSource weights = source(3, 5000);
  worker.notice(weights);
  for (const std::uint32_t index : {4U, 0U, 2U, 2U, 1U}) worker.chunk(weights, index);
  CHECK_FALSE(worker.pull.take());
  worker.chunk(weights, 3);
  const auto snapshot = worker.pull.take();
  REQUIRE(snapshot);
  CHECK(snapshot->version == 3);
  CHECK(*snapshot->image == *small_weights(3, 5000).image);
  CHECK_FALSE(worker.pull.take());
}

TEST_CASE("a window of requests is kept open and unanswered ones are repeated") {
  Pulling worker;
  WeightSource weights = source(1, 10000);
  worker.notice(weights);
  for (std::uint32_t i = 0; i < 4; ++i) CHECK(worker.pull.next_request(worker.now) == i);
  CHECK_FALSE(worker.pull.next_request(worker.now));
  worker.chunk(weights, 1);
  CHECK(worker.pull.next_request(worker.now) == 4U);
  worker.now += milliseconds(500);
  CHECK(worker.pull.next_request(worker.now) == 0U);
}

TEST_CASE("a pull under way is finished before that of a newer version starts") {
  Pulling worker;
  WeightSource first = source(1, 5000);
  WeightSource second = source(2, 5000);
  WeightSource third = source(3, 3000);
  worker.notice(first);
  worker.chunk(first, 0);
  worker.notice(second);
  worker.notice(third);
  for (std::uint32_t i = 1; i < 5; ++i) worker.chunk(first, i);
  CHECK(worker.pull.take()->version == 1);
  CHECK(worker.pull.pulling() == 3);
  for (std::uint32_t i = 0; i < 3; ++i) worker.chunk(third, i);
  CHECK(worker.pull.take()->version == 3);
  CHECK(worker.pull.counters().abandoned == 0);
}

TEST_CASE("a newer version heard of twice ends the pull of an older one") {
  Pulling worker;
  WeightSource first = source(1, 5000);
  WeightSource second = source(2, 3000);
  worker.notice(first);
  worker.chunk(first, 0);
  worker.notice(second);
  CHECK(worker.pull.counters().abandoned == 0);
  worker.notice(second);  // the answer to a request: the first version is not to be had any more
  CHECK(worker.pull.counters().abandoned == 1);
  worker.chunk(first, 1);  // late: ignored
  for (std::uint32_t i = 0; i < 3; ++i) worker.chunk(second, i);
  CHECK(worker.pull.take()->version == 2);
}

TEST_CASE("rollback and foreign runs are refused and counted") {
  Pulling worker;
  WeightSource newest = source(5, 100);
  worker.notice(newest);
  worker.chunk(newest, 0);
  const WeightSource older = source(4, 100);
  worker.notice(older);
  worker.notice(newest);
  CHECK(worker.pull.counters().not_newer == 2);
  CHECK(worker.pull.pulling() == 0);
  WeightSource foreign = source(9, 100, 78);
  worker.notice(foreign);
  worker.chunk(foreign, 0);
  CHECK(worker.pull.counters().foreign_run == 2);
  WeightSource restarted = source(9, 100, 77, 6);
  worker.notice(restarted);
  worker.chunk(restarted, 0);
  CHECK(worker.pull.counters().foreign_run == 3);
  CHECK(worker.pull.take()->version == 5);
}

TEST_CASE("a chunk whose bytes are not its digest's is counted and asked for again") {
  for (const std::size_t bytes : {900, 3000}) {  // one chunk, several
    Pulling worker;
    WeightSource weights = source(1, bytes);
    worker.notice(weights);
    const Bytes good = *weights.chunk(0);
    Bytes bad = good;
    const ParsedMessage parsed = parse_message(good, worker.limits);
    bad.back() ^= std::byte{1};
    seal(bad, MessageType::weight_chunk, parsed.header.size());
    worker.deliver(bad);
    CHECK(worker.pull.counters().wrong_digest == 1);
    CHECK_FALSE(worker.pull.take());
    worker.now += milliseconds(500);
    CHECK(worker.pull.next_request(worker.now) == 0U);
    for (std::uint32_t i = 0; i < weights.num_chunks(); ++i) worker.chunk(weights, i);
    CHECK(worker.pull.take());
  }
}

TEST_CASE("an image swapped chunk by chunk for another fails at the digest of the whole") {
  Pulling worker;
  WeightSource weights = source(1, 3000);
  WeightSnapshot other = small_weights(2, 3000);
  other.version = 1;  // honest chunks of a dishonest image
  WeightSource swapped(other, small_chunks(), 5);
  worker.notice(weights);
  for (std::uint32_t i = 0; i < 3; ++i) worker.chunk(swapped, i);
  CHECK(worker.pull.counters().wrong_digest == 1);
  CHECK_FALSE(worker.pull.take());
  worker.notice(weights);
  for (std::uint32_t i = 0; i < 3; ++i) worker.chunk(weights, i);
  CHECK(worker.pull.take());
}

TEST_CASE("limits on the image hold at the limit and not one past it") {
  Limits limits = small_chunks();
  limits.max_weight_bytes = 2000;
  CHECK_NOTHROW(WeightSource(small_weights(1, 2000), limits, 5));
  CHECK_THROWS_WITH_AS(WeightSource(small_weights(1, 2001), limits, 5),
                       doctest::Contains("max_weight_bytes"), Error);
  CHECK_THROWS_AS(WeightSource(small_weights(1, 0), limits, 5), Error);
  CHECK_THROWS_AS(WeightSource(small_weights(0, 10), limits, 5), Error);
  WeightPull pull(limits);
  pull.set_learner(77, 5);
  pull.on_notice(
      {.run_id = 77, .learner = 5, .version = 1, .image_bytes = 2001, .chunk_bytes = 1024}, {});
  CHECK(pull.pulling() == 0);
  pull.on_notice({.run_id = 77, .learner = 5, .version = 1, .image_bytes = 2000, .chunk_bytes = 1},
                 {});
  CHECK(pull.pulling() == 0);
  pull.on_notice(
      {.run_id = 77, .learner = 5, .version = 1, .image_bytes = 2000, .chunk_bytes = 1024}, {});
  CHECK(pull.pulling() == 1);
}

TEST_SUITE_END();
