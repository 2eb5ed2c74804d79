#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <zmq.hpp>

#include "fixtures.h"
#include "key_folder.h"
#include "rl/core/error.h"
#include "rl/transport/keys.h"
#include "src/transport/messages.h"

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;
namespace fs = std::filesystem;

namespace {

constexpr milliseconds kLong{60000};
constexpr milliseconds kShort{400};  // how long one who is not let in is given

}  // namespace

TEST_SUITE_BEGIN("transport security");

TEST_CASE("a worker with an allowed key is let in and its traffic flows") {
  const KeyFolder keys;
  make_keys(keys.path, "a");
  const RunManifest manifest = small_manifest();
  LearnerEndpoint learner(with_keys(keys.path), manifest);
  WorkerEndpoint worker(with_keys(learner.address(), keys.path, "a"), small_hello());
  worker.connect(kLong);
  worker.set_schema(manifest.schema);
  CHECK(worker.send(small_fragment(manifest.schema, 0, 0), kLong));
  learner.publish(small_weights(1, 700000));
  const auto weights = worker.wait_for_weights(1, kLong);
  REQUIRE(weights);
  CHECK(*weights->image == *small_weights(1, 700000).image);
  CHECK(learner.receive(kLong));
  CHECK(worker.close(kLong));
}

TEST_CASE("messages that come densely are known to be the same user's") {
  const KeyFolder keys;
  make_keys(keys.path, "a");
  const RunManifest manifest = small_manifest();
  LearnerEndpoint learner(with_keys(keys.path), manifest);
  WorkerOptions options = with_keys(learner.address(), keys.path, "a");
  options.batch_bytes = 0;
  WorkerEndpoint worker(options, small_hello());
  worker.connect(kLong);
  worker.set_schema(manifest.schema);
  for (std::uint64_t i = 0; i < 500; ++i) {
    REQUIRE(worker.send(small_fragment(manifest.schema, 0, i), kLong));
  }
  CHECK(worker.close(kLong));
  for (std::uint64_t i = 0; i < 500; ++i) REQUIRE(learner.receive(kLong));
}

TEST_CASE("a key that is not on the list, no key, and the wrong learner's key stay outside") {
  const KeyFolder keys;
  make_keys(keys.path, "a");
  make_keys(keys.path, "revoked");
  fs::remove(keys.path / "allowed_workers" / "revoked.pub");
  LearnerEndpoint learner(with_keys(keys.path), small_manifest());

  WorkerEndpoint revoked(with_keys(learner.address(), keys.path, "revoked"), small_hello());
  CHECK_THROWS_WITH_AS(revoked.connect(kShort), doctest::Contains("each end has the other's key"),
                       Error);
  WorkerEndpoint plain({.connect = learner.address()}, small_hello());
  CHECK_THROWS_WITH_AS(plain.connect(kShort), doctest::Contains("does not ask for keys"), Error);

  WorkerOptions options = with_keys(learner.address(), keys.path, "a");
  options.learner_key = generate_key_pair().public_key;
  WorkerEndpoint elsewhere(options, small_hello());
  CHECK_THROWS_AS(elsewhere.connect(kShort), Error);

  CHECK(learner.workers().empty());
  CHECK(learner.counters().hellos_refused == 0);  // nothing of theirs got that far
  WorkerEndpoint honest(with_keys(learner.address(), keys.path, "a"), small_hello());
  CHECK(honest.connect(kLong).run_id == 77);
}

TEST_CASE("keys come and go while a run goes on: a file added lets in, a file deleted shuts out") {
  const KeyFolder keys;
  make_keys(keys.path, "a");
  LearnerEndpoint learner(with_keys(keys.path), small_manifest());
  WorkerEndpoint old(with_keys(learner.address(), keys.path, "a"), small_hello());
  old.connect(kLong);

  make_keys(keys.path, "b");
  WorkerEndpoint young(with_keys(learner.address(), keys.path, "b"), small_hello());
  CHECK(young.connect(kLong).slot == 1);

  fs::remove(keys.path / "allowed_workers" / "a.pub");
  std::string why;
  for (int round = 0; round < 3000 && why.empty(); ++round) {
    young.pump(milliseconds(10));
    while (auto event = learner.poll_event()) {
      if (event->kind == WorkerEventKind::lost) why = event->reason;
    }
  }
  CHECK(why.find("not on the list any more") != std::string::npos);
  WorkerEndpoint again(with_keys(learner.address(), keys.path, "a"), small_hello());
  CHECK_THROWS_AS(again.connect(kShort), Error);
  CHECK(young.close(kLong));
}

TEST_CASE("without keys an address that other hosts reach is refused on both ends") {
  for (const std::string address : {"tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://10.0.0.1:5555"}) {
    CAPTURE(address);
    CHECK_THROWS_WITH_AS(LearnerEndpoint({.bind = address}, small_manifest()),
                         doctest::Contains("corral keygen"), Error);
    CHECK_THROWS_WITH_AS(WorkerEndpoint({.connect = address}, small_hello()),
                         doctest::Contains("corral keygen"), Error);
  }
}

TEST_CASE("garbage, too many frames and too large messages over a raw socket hurt nobody") {
  LearnerEndpoint learner({.bind = "tcp://127.0.0.1:*"}, small_manifest());
  WorkerEndpoint honest({.connect = learner.address()}, small_hello());
  honest.connect(kLong);
  zmq::context_t context;
  zmq::socket_t raw(context, zmq::socket_type::dealer);
  raw.set(zmq::sockopt::linger, 0);
  raw.connect(learner.address());
  raw.send(zmq::str_buffer("garbage"));
  raw.send(zmq::str_buffer("two"), zmq::send_flags::sndmore);
  raw.send(zmq::str_buffer("frames"));
  for (int i = 0; i < 20; ++i) raw.send(zmq::str_buffer("x"), zmq::send_flags::sndmore);
  raw.send(zmq::str_buffer("end"));
  std::vector<WorkerEvent> events;
  for (int round = 0; round < 2000 && events.size() < 2; ++round) {
    honest.pump(milliseconds(10));
    while (auto event = learner.poll_event()) {
      if (event->kind == WorkerEventKind::misbehaved) events.push_back(*event);
    }
  }
  REQUIRE(events.size() == 2);
  CHECK(events[0].reason.find("shorter than an envelope") != std::string::npos);
  CHECK(events[1].reason.find("banned after 3") != std::string::npos);

  zmq::socket_t huge(context, zmq::socket_type::dealer);
  huge.set(zmq::sockopt::linger, 0);
  huge.connect(learner.address());
  huge.send(zmq::message_t(Limits{}.max_message_bytes + 1),
            zmq::send_flags::none);  // cuts its connection
  CHECK(honest.close(kLong));
  CHECK(learner.counters().fragments_received == 0);
}

TEST_CASE("a key folder has everything for both ends, private to its owner") {
  const KeyFolder keys;
  make_keys(keys.path, "a");
  for (const char* file : {"learner.key", "worker-a.key"}) {
    struct stat status {};
    REQUIRE(stat((keys.path / file).c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
  }
  const LearnerOptions learner = with_keys(keys.path);
  const WorkerOptions worker = with_keys("tcp://127.0.0.1:1", keys.path, "a");
  CHECK(learner.keys.public_key == worker.learner_key);
  const auto allowed = load_allowed_workers(learner.allowed_folder);
  REQUIRE(allowed.size() == 1);
  CHECK(allowed[0] == worker.keys.public_key);
  make_keys(keys.path, "b");  // the learner's pair stays
  CHECK(with_keys(keys.path).keys.public_key == learner.keys.public_key);
  CHECK(load_allowed_workers(learner.allowed_folder).size() == 2);
}

TEST_CASE("keys are never overwritten, and bad key files say what to do") {
  const KeyFolder keys;
  make_keys(keys.path, "a");
  CHECK_THROWS_WITH_AS(make_keys(keys.path, "a"), doctest::Contains("never overwritten"), Error);
  CHECK_THROWS_WITH_AS(make_keys(keys.path, "../a"), doctest::Contains("not a worker name"), Error);

  fs::permissions(keys.path / "learner.key", fs::perms::group_read, fs::perm_options::add);
  CHECK_THROWS_WITH_AS(with_keys(keys.path), doctest::Contains("chmod 600"), Error);
  fs::permissions(keys.path / "learner.key", fs::perms::owner_read | fs::perms::owner_write);
  std::ofstream(keys.path / "learner.pub") << "public tooshort\n";
  CHECK_THROWS_WITH_AS(with_keys("tcp://127.0.0.1:1", keys.path, "a"),
                       doctest::Contains("holds no public key"), Error);
  CHECK_THROWS_WITH_AS(with_keys("tcp://127.0.0.1:1", keys.path, "none"),
                       doctest::Contains("corral keygen"), Error);
}

TEST_SUITE_END();
