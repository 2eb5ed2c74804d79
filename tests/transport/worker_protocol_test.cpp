// When a worker speaks of its own accord, and when it sleeps.
#include <doctest/doctest.h>

#include "fixtures.h"
#include "src/transport/worker_protocol.h"

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;

namespace {

constexpr std::uint64_t kSession = 5;

struct Worker {
  Worker() { protocol.join(now); }

  void hear(const SharedBytes& message) { protocol.on_message(*message, now); }
  void be_welcomed() {
    take();
    WelcomeMessage welcome;
    welcome.session = kSession;
    welcome.run_id = 77;
    welcome.credit_limit = 1 << 20;
    hear(encode(welcome));
  }
  void acknowledge(std::uint64_t through) {
    AckMessage ack;
    ack.session = kSession;
    ack.received_through = through;
    ack.credit_limit = 1 << 20;
    hear(encode(ack));
  }
  void tick_after(Nanoseconds pause) {
    now += pause;
    protocol.on_tick(now);
  }
  // What it wants to send.
  std::vector<MessageType> take() {
    std::vector<MessageType> types;
    for (; protocol.has_outgoing(); protocol.pop_outgoing()) {
      types.push_back(parse_message(*protocol.outgoing(), Limits{}).type);
    }
    return types;
  }
  bool submit() { return protocol.submit(small_fragment(manifest.schema, 0, sequence++), now); }

  RunManifest manifest = small_manifest();
  WorkerProtocol protocol{WorkerOptions{}, small_hello(), kSession};
  Nanoseconds now{std::chrono::seconds(1)};
  std::uint64_t sequence = 0;
};

using Types = std::vector<MessageType>;

}  // namespace

TEST_SUITE_BEGIN("worker protocol");

TEST_CASE("small fragments are gathered, for twenty milliseconds at most") {
  Worker worker;
  worker.be_welcomed();
  CHECK(worker.submit());
  worker.tick_after(milliseconds(19));
  CHECK(worker.submit());
  CHECK(worker.take().empty());
  CHECK(worker.protocol.next_tick() == worker.now + milliseconds(1));
  worker.tick_after(milliseconds(1));
  CHECK(worker.take() == Types{MessageType::experience});
  worker.tick_after(milliseconds(20));
  CHECK(worker.take().empty());  // both were in it
}

TEST_CASE("a worker with nothing to do has nothing to do until its next heartbeat") {
  Worker worker;
  worker.be_welcomed();
  CHECK(worker.protocol.next_tick() == worker.now + WorkerOptions{}.heartbeat_every);
  worker.tick_after(WorkerOptions{}.heartbeat_every);
  CHECK(worker.take() == Types{MessageType::heartbeat});
}

TEST_CASE("whenever it has something to do, that time is the one it told") {
  Worker worker;
  worker.take();
  for (const bool welcome : {false, true}) {
    if (welcome) worker.be_welcomed();
    for (int i = 0; i < 20; ++i) {
      if (welcome && i % 3 == 0) CHECK(worker.submit());
      const Nanoseconds next = worker.protocol.next_tick();
      REQUIRE(next > worker.now);
      worker.tick_after(next - worker.now - Nanoseconds(1));
      CHECK(worker.take().empty());
      worker.tick_after(Nanoseconds(1));
      CHECK_FALSE(worker.take().empty());
    }
  }
}

TEST_CASE("a hello that could not leave is not repeated, so that there is nothing to wake up for") {
  Worker worker;
  worker.tick_after(std::chrono::seconds(60));
  CHECK(worker.take() == Types{MessageType::hello});
  CHECK(worker.protocol.next_tick() <= worker.now);  // the next one is overdue
  worker.protocol.on_tick(worker.now);
  CHECK(worker.protocol.next_tick() == Nanoseconds::max());
}

TEST_CASE("a worker that was put off comes back when the learner said") {
  for (const std::uint32_t pause_ms : {10U, 500U}) {
    Worker worker;
    worker.take();
    RefusalMessage refusal;
    refusal.session = kSession;
    refusal.retry_after_ms = pause_ms;
    worker.hear(encode(refusal));
    CHECK(worker.protocol.next_tick() == worker.now + milliseconds(pause_ms));
  }
}

TEST_CASE("what is unacknowledged is sent again at the time it told") {
  Worker worker;
  worker.be_welcomed();
  CHECK(worker.submit());
  worker.tick_after(milliseconds(20));
  CHECK(worker.take() == Types{MessageType::experience});
  worker.acknowledge(1);
  CHECK(worker.protocol.next_tick() == worker.now + milliseconds(980));  // the heartbeat
  CHECK(worker.submit());
  worker.protocol.flush();
  CHECK(worker.take() == Types{MessageType::experience});
  worker.tick_after(milliseconds(980));
  CHECK(worker.take() == Types{MessageType::heartbeat});
  CHECK(worker.protocol.next_tick() == worker.now + milliseconds(20));
  worker.tick_after(milliseconds(20));
  CHECK(worker.take() == Types{MessageType::experience});
}

TEST_SUITE_END();
