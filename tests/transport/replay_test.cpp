#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "fixtures.h"
#include "key_folder.h"
#include "support/fault_proxy.h"
#include "support/raw_attacker.h"

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLong{60000};
constexpr std::uint64_t kFragments = 20;

std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

// All that a worker said on the wire from its first word to its goodbye.
Bytes record_visit(LearnerEndpoint& learner, WorkerOptions options) {
  const RunManifest manifest = small_manifest();
  tests::FaultProxy proxy(port_of(learner.address()), {});
  options.connect = proxy.address();
  options.batch_bytes = 0;
  WorkerEndpoint worker(options, small_hello());
  worker.connect(kLong);
  worker.set_schema(manifest.schema);
  for (std::uint64_t i = 0; i < kFragments; ++i) {
    REQUIRE(worker.send(small_fragment(manifest.schema, 0, i), kLong));
  }
  CHECK(worker.close(kLong));
  for (std::uint64_t i = 0; i < kFragments; ++i) REQUIRE(learner.receive(kLong));
  return proxy.recording();
}

// The connection: libzmq drops what it has read of one that is closed. What follows the greeting
// and the first command is said when that was answered: libzmq takes no message before its own
// turn.
Descriptor say_again(const LearnerEndpoint& learner, const Bytes& recording) {
  Descriptor connection(tests::connect_raw(port_of(learner.address())));
  const std::size_t head = 64 + 2 + std::to_integer<std::size_t>(recording[65]);
  CHECK(send(connection.get(), recording.data(), head, MSG_NOSIGNAL) > 0);
  std::array<char, 66> answer;
  static_cast<void>(recv(connection.get(), answer.data(), answer.size(), MSG_WAITALL));
  static_cast<void>(
      send(connection.get(), recording.data() + head, recording.size() - head, MSG_NOSIGNAL));
  return connection;
}

template <class Condition>
bool becomes_true(Condition condition) {
  for (int round = 0; round < 500; ++round) {
    if (condition()) return true;
    usleep(10000);
  }
  return false;
}

}  // namespace

TEST_SUITE_BEGIN("transport replay");

TEST_CASE("a recorded visit sent again, in the clear, is refused and counted to the last message") {
  LearnerEndpoint learner({.bind = "tcp://127.0.0.1:*"}, small_manifest());
  const Bytes recording = record_visit(learner, {});
  REQUIRE(learner.counters().fragments_received == kFragments);
  REQUIRE(learner.counters().stray_messages == 0);
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const Descriptor connection = say_again(learner, recording);
    // The hello is refused; of what follows every message is a stray, the goodbye is answered.
    const bool counted = becomes_true([&] {
      return learner.counters().hellos_refused >= i &&
             learner.counters().stray_messages >= i * kFragments;
    });
    CHECK(counted);
  }
  CHECK(learner.counters().fragments_received == kFragments);
  CHECK(learner.workers().empty());
  CHECK_FALSE(learner.receive(milliseconds(0)));
}

TEST_CASE("a recorded visit sent again, encrypted, does not even get in") {
  const KeyFolder keys;
  make_keys(keys.path, "a");
  LearnerEndpoint learner(with_keys(keys.path), small_manifest());
  const Bytes recording = record_visit(learner, with_keys(learner.address(), keys.path, "a"));
  REQUIRE(becomes_true([&] { return learner.counters().connections_let_in == 1; }));
  std::vector<Descriptor> connections;
  for (int i = 0; i < 3; ++i) connections.push_back(say_again(learner, recording));
  CHECK(becomes_true([&] {
    const auto rejected = learner.counters().connections_rejected;
    return rejected[static_cast<std::size_t>(Rejection::wrong_key)] +
               rejected[static_cast<std::size_t>(Rejection::bad_handshake)] ==
           3;
  }));
  CHECK(learner.counters().connections_let_in == 1);
  CHECK(learner.counters().stray_messages == 0);
  CHECK(learner.counters().hellos_refused == 0);
}

TEST_SUITE_END();
