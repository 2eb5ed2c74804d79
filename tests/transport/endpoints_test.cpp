#include <doctest/doctest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <thread>

#include "fixtures.h"
#include "rl/core/error.h"
#include "src/transport/descriptor_limit.h"

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLong{60000};  // an upper bound: nothing waits for it when all is well

std::vector<std::string> addresses() {
  const std::string id = std::to_string(getpid());
  return {"inproc://test-" + id, "ipc://@/corral-test-" + id, "tcp://127.0.0.1:*"};
}

// For tests whose worker is silent while the learner's side is looked at.
LearnerOptions patient(const std::string& address) {
  return {.bind = address, .worker_timeout = milliseconds(600000)};
}

}  // namespace

TEST_SUITE_BEGIN("transport endpoints");

TEST_CASE("experience arrives in order, weights arrive whole, and both ends part in peace") {
  for (const std::string& address : addresses()) {
    CAPTURE(address);
    const RunManifest manifest = small_manifest();
    LearnerEndpoint learner(patient(address), manifest);
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
      CHECK(received->sequence == i + 1);
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

TEST_CASE("closing loses nothing while both cores are busy") {
  std::vector<std::jthread> load;  // told to stop when it is destroyed
  for (int i = 0; i < 4; ++i) {
    load.emplace_back([](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
      }
    });
  }
  for (const std::string& address : addresses()) {
    CAPTURE(address);
    const RunManifest manifest = small_manifest(8);
    LearnerEndpoint learner(patient(address), manifest);
    for (std::uint64_t round = 0; round < 8; ++round) {
      WorkerEndpoint worker({.connect = learner.address()}, small_hello());
      worker.connect(kLong);
      worker.set_schema(manifest.schema);
      for (std::uint64_t i = 0; i < 200; ++i) {
        REQUIRE(worker.send(small_fragment(manifest.schema, round, i), kLong));
      }
      REQUIRE(worker.close(kLong));
      CHECK(learner.counters().fragments_received == (round + 1) * 200);
    }
  }
}

TEST_CASE("send() gives up at its deadline when no credit comes, and goes on when it does") {
  LearnerOptions options = patient(addresses()[0]);
  options.limits.max_control_bytes = 1024;
  options.limits.max_message_bytes = 8192;
  options.limits.weight_chunk_bytes = 1024;
  options.credit_bytes = 8192;
  const RunManifest manifest = small_manifest();
  LearnerEndpoint learner(options, manifest);
  WorkerOptions worker_options{.connect = learner.address(), .limits = options.limits};
  worker_options.batch_bytes = 0;
  WorkerEndpoint worker(worker_options, small_hello());
  worker.connect(kLong);
  worker.set_schema(manifest.schema);
  std::uint64_t sent = 0;
  while (worker.send(small_fragment(manifest.schema, 0, sent), milliseconds(20))) ++sent;
  CHECK(sent == 8192 / small_fragment(manifest.schema, 0, 0)->block().size());
  for (std::uint64_t i = 0; i < sent; ++i) REQUIRE(learner.receive(kLong));
  CHECK(worker.send(small_fragment(manifest.schema, 0, sent), kLong));
  CHECK(worker.close(kLong));
  CHECK(learner.counters().fragments_received == sent + 1);
  CHECK(learner.counters().dropped[static_cast<std::size_t>(DropReason::over_credit)] == 0);
}

TEST_CASE("a refused fragment ends a wait for the next one, once, and is there to be polled") {
  for (const std::string& address : addresses()) {
    CAPTURE(address);
    const RunManifest manifest = small_manifest();
    LearnerEndpoint learner(patient(address), manifest);
    WorkerEndpoint worker({.connect = learner.address()}, small_hello());
    worker.connect(kLong);
    worker.set_schema(manifest.schema);
    auto bad = std::make_shared<Fragment>(small_fragment(manifest.schema, 1, 0)->prefix(2));
    bad->column<float>(0)[0] = 1e6F;
    CHECK_FALSE(learner.poll_refused());
    REQUIRE(worker.send(bad, kLong));
    worker.flush();
    CHECK_FALSE(learner.receive(kLong));
    const auto refused = learner.poll_refused();
    REQUIRE(refused);
    CHECK(refused->header.environment == 1);
    CHECK(refused->reason == DropReason::out_of_spec);
    CHECK_FALSE(learner.poll_refused());
    REQUIRE(worker.send(small_fragment(manifest.schema, 1, 1), kLong));
    worker.flush();
    CHECK(learner.receive(kLong));  // refusals once told of do not disturb again
    CHECK(worker.close(kLong));
  }
}

TEST_CASE("misuse of a worker's endpoint says what to do") {
  const RunManifest manifest = small_manifest();
  LearnerEndpoint learner({.bind = addresses()[0]}, manifest);
  WorkerEndpoint worker({.connect = learner.address()}, small_hello());
  const FragmentPtr fragment = small_fragment(manifest.schema, 0, 0);
  CHECK_THROWS_WITH_AS(worker.send(fragment, kLong), doctest::Contains("set_schema()"), Error);
  worker.set_schema(manifest.schema);
  CHECK_THROWS_WITH_AS(worker.send(fragment, kLong), doctest::Contains("not connected"), Error);
  worker.connect(kLong);
  CHECK_THROWS_WITH_AS(worker.connect(kLong), doctest::Contains("called twice"), Error);
  const FragmentPtr huge = small_fragment(manifest.schema, 0, 0, 100000);
  CHECK_THROWS_WITH_AS(worker.send(huge, kLong), doctest::Contains("max_message_bytes"), Error);
  CHECK(worker.close(kLong));
  CHECK_THROWS_WITH_AS(worker.send(fragment, kLong), doctest::Contains("not connected"), Error);
}

TEST_CASE("an address in use is an error that names it, and a file left behind is not in use") {
  for (const std::string& address : addresses()) {
    CAPTURE(address);
    const LearnerEndpoint first({.bind = address}, small_manifest());
    CHECK_THROWS_WITH_AS(LearnerEndpoint({.bind = first.address()}, small_manifest()),
                         doctest::Contains("another learner has it"), Error);
  }
  const std::string path = "/tmp/corral-test-" + std::to_string(getpid()) + ".sock";
  {
    const LearnerEndpoint first({.bind = "ipc://" + path}, small_manifest());
    CHECK_THROWS_WITH_AS(LearnerEndpoint({.bind = "ipc://" + path}, small_manifest()),
                         doctest::Contains("another learner has it"), Error);
  }
  unlink(path.c_str());
  const int stale = socket(AF_UNIX, SOCK_STREAM, 0);  // as a killed learner leaves it
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  path.copy(name.sun_path, sizeof name.sun_path - 1);
  REQUIRE(bind(stale, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0);
  close(stale);
  const LearnerEndpoint again({.bind = "ipc://" + path}, small_manifest());
  WorkerEndpoint worker({.connect = again.address()}, small_hello());
  CHECK(worker.connect(kLong).run_id == 77);
  CHECK(worker.close(kLong));
}

TEST_CASE("a learner that is not there is an error that names the address") {
  WorkerEndpoint worker({.connect = "ipc://@/corral-nobody"}, small_hello());
  CHECK_THROWS_WITH_AS(worker.connect(milliseconds(50)),
                       doctest::Contains("nobody answered at ipc://@/corral-nobody"), Error);
}

TEST_CASE("a refusal reaches the worker with both sides shown") {
  LearnerEndpoint learner({.bind = addresses()[0]}, small_manifest(1));
  Hello other = small_hello();
  other.run_id = 5;
  WorkerEndpoint wrong({.connect = learner.address()}, other);
  CHECK_THROWS_WITH_AS(wrong.connect(kLong), doctest::Contains("expected run 77 (the learner)"),
                       Error);
  WorkerEndpoint first({.connect = learner.address()}, small_hello());
  first.connect(kLong);
  WorkerEndpoint second({.connect = learner.address()}, small_hello());
  CHECK_THROWS_WITH_AS(second.connect(milliseconds(300)), doctest::Contains("slots are taken"),
                       Error);
  CHECK(first.close(kLong));
}

TEST_CASE("a worker waits for the learner to start, and for a slot to become free") {
  const std::string address = addresses()[1];
  std::jthread late;
  {
    WorkerEndpoint worker({.connect = address}, small_hello());
    std::unique_ptr<LearnerEndpoint> learner;
    late = std::jthread([&] {
      learner =
          std::make_unique<LearnerEndpoint>(LearnerOptions{.bind = address}, small_manifest(1));
    });
    CHECK(worker.connect(kLong).slot == 0);
    late.join();
    std::jthread leaving([&] { worker.close(kLong); });
    WorkerEndpoint next({.connect = address}, small_hello());
    CHECK(next.connect(kLong).slot == 0);
    CHECK(next.close(kLong));
  }
}

TEST_CASE("a learner that falls silent is LearnerLost, by the worker's own clock") {
  ManualClock clock;
  auto learner =
      std::make_unique<LearnerEndpoint>(LearnerOptions{.bind = addresses()[1]}, small_manifest());
  WorkerEndpoint worker({.connect = learner->address()}, small_hello(), clock);
  worker.connect(kLong);
  learner.reset();
  clock.advance(std::chrono::seconds(2));
  worker.pump();  // a heartbeat that nobody answers
  clock.advance(std::chrono::seconds(16));
  CHECK_THROWS_WITH_AS(worker.pump(), doctest::Contains("does not answer"), LearnerLost);
}

TEST_CASE("a worker whose learner restarted is told so") {
  const std::string address = addresses()[1];
  auto learner =
      std::make_unique<LearnerEndpoint>(LearnerOptions{.bind = address}, small_manifest());
  WorkerEndpoint worker({.connect = address, .heartbeat_every = milliseconds(5)}, small_hello());
  worker.connect(kLong);
  learner.reset();
  learner = std::make_unique<LearnerEndpoint>(LearnerOptions{.bind = address}, small_manifest());
  const auto wait_for_loss = [&] {
    for (int round = 0; round < 2000; ++round) worker.pump(milliseconds(10));
  };
  CHECK_THROWS_WITH_AS(wait_for_loss(), doctest::Contains("does not know this session"),
                       LearnerLost);
}

TEST_CASE("a worker that dies without a word frees its slot when its silence is long enough") {
  ManualClock clock;
  LearnerEndpoint learner({.bind = addresses()[0]}, small_manifest(1), clock);
  WorkerEndpoint worker({.connect = learner.address()}, small_hello());
  worker.connect(kLong);
  clock.advance(std::chrono::seconds(11));
  WorkerEndpoint next({.connect = learner.address()}, small_hello());
  CHECK(next.connect(kLong).slot == 0);
  CHECK_THROWS_AS(
      [&] {
        for (int round = 0; round < 2000; ++round) worker.pump(milliseconds(10));
      }(),
      LearnerLost);
  CHECK(next.close(kLong));
}

TEST_CASE("the slot of a worker that vanished goes to its successor long before its time-out") {
  const std::string address = addresses()[1];
  const pid_t child = fork();  // while this process has no other thread
  if (child == 0) {
    WorkerEndpoint worker({.connect = address}, small_hello());
    worker.connect(kLong);
    kill(getpid(), SIGKILL);
  }
  LearnerEndpoint learner(patient(address), small_manifest(1));
  int status = 0;
  waitpid(child, &status, 0);
  WorkerEndpoint next({.connect = address}, small_hello());
  CHECK(next.connect(kLong).slot == 0);
  CHECK(next.close(kLong));
}

TEST_CASE("a learner of many workers may open enough connections, or says why not") {
  const pid_t child = fork();  // limits cannot be raised again
  if (child == 0) {
    rlimit limit{.rlim_cur = 64, .rlim_max = 600};
    setrlimit(RLIMIT_NOFILE, &limit);
    make_room_for_connections(300);
    getrlimit(RLIMIT_NOFILE, &limit);
    int wrong = limit.rlim_cur == 600 ? 0 : 1;
    try {
      make_room_for_connections(345);
      wrong += 2;
    } catch (const Error& error) {
      const std::string text = error.what();
      const bool named = text.find("601") < text.size() && text.find("600") < text.size();
      wrong += named ? 0 : 4;
    }
    _exit(wrong);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) == 0);
}

TEST_CASE("stop_workers() reaches every worker and waits for their goodbyes") {
  LearnerEndpoint learner({.bind = addresses()[2]}, small_manifest(2));
  std::vector<std::jthread> workers;
  std::atomic<int> closed{0};
  std::latch joined(2);
  for (int i = 0; i < 2; ++i) {
    workers.emplace_back([&] {
      WorkerEndpoint worker({.connect = learner.address()}, small_hello());
      worker.connect(kLong);
      joined.count_down();
      while (!worker.stop_requested()) worker.pump(milliseconds(50));
      closed += worker.close(kLong) ? 1 : 0;
    });
  }
  joined.wait();
  CHECK(learner.stop_workers(kLong));
  workers.clear();
  CHECK(closed == 2);
  CHECK(learner.workers().empty());
}

TEST_SUITE_END();
