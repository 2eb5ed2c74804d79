#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <numeric>
#include <thread>

#include "fixtures.h"
#include "key_folder.h"
#include "rl/core/error.h"
#include "src/transport/channel.h"
#include "src/transport/messages.h"
#include "support/curve_client.h"
#include "support/raw_attacker.h"

using namespace rl;
using namespace rl::transport;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kLong{60000};

std::uint16_t port_of(const std::string& address) {
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

// A learner behind its gate, with workers a and b on the list.
struct Guarded {
  Guarded() {
    make_keys(keys.path, "a");
    make_keys(keys.path, "b");
    learner = std::make_unique<LearnerEndpoint>(with_keys(keys.path), small_manifest());
  }
  // One who has worker b's key and no manners.
  tests::CurveClient with_key() const {
    const WorkerOptions options = with_keys(learner->address(), keys.path, "b");
    return {port_of(learner->address()), options.keys, options.learner_key};
  }
  std::string key_of_b() const {
    return with_keys("tcp://127.0.0.1:1", keys.path, "b").keys.public_key;
  }
  std::uint64_t rejected(Rejection reason) const {
    return learner->counters().connections_rejected[static_cast<std::size_t>(reason)];
  }
  // Calls `act` until the learner tells of something with this text in it; empty: it never did.
  template <class Act>
  std::string until_told(const std::string& text, Act act) const {
    for (int round = 0; round < 3000; ++round) {
      act();
      while (auto event = learner->poll_event()) {
        if (event->reason.find(text) != std::string::npos) return event->reason;
      }
    }
    return {};
  }

  KeyFolder keys{};
  std::unique_ptr<LearnerEndpoint> learner{};
};

}  // namespace

TEST_SUITE_BEGIN("transport gate");

TEST_CASE("strangers of every kind are closed out and counted, and say nothing to the learner") {
  const Guarded guarded;
  KeyPair learner_pair = with_keys(guarded.keys.path).keys;
  const WorkerOptions a = with_keys(guarded.learner->address(), guarded.keys.path, "a");
  Bytes recording = tests::curve_client_greeting();  // half a handshake is as good as another's
  recording.insert(recording.end(), {std::byte{4}, std::byte{200}, std::byte{5}});
  for (const char letter : {'H', 'E', 'L', 'L', 'O'}) recording.push_back(std::byte(letter));
  recording.resize(64 + 202, std::byte{1});
  tests::RawAttacker attacker(port_of(guarded.learner->address()), a.keys, a.learner_key,
                              learner_pair, recording, 1);
  const auto num_kinds = static_cast<std::size_t>(tests::Attack::count_);
  for (std::size_t kind = 0; kind < num_kinds; ++kind) {
    CAPTURE(tests::to_string(static_cast<tests::Attack>(kind)));
    const auto outcome = attacker.attack(static_cast<tests::Attack>(kind), kLong);
    CHECK_FALSE(outcome.let_in);
    CHECK(outcome.was_closed);
  }
  TransportCounters counters;
  for (int round = 0; round < 1000; ++round) {  // the gate is asked every 50 ms
    counters = guarded.learner->counters();
    const auto& rejected = counters.connections_rejected;
    if (std::accumulate(rejected.begin(), rejected.end(), std::uint64_t{0}) == num_kinds) break;
    usleep(10000);
  }
  CHECK(guarded.rejected(Rejection::not_zmtp) == 5);  // garbage too: its first byte is not 0xFF
  CHECK(guarded.rejected(Rejection::not_curve) == 2);
  CHECK(guarded.rejected(Rejection::bad_handshake) == 2);
  CHECK(guarded.rejected(Rejection::wrong_key) == 5);
  CHECK(counters.connections_let_in == 0);
  CHECK(counters.hellos_refused == 0);
}

TEST_CASE("a message without end is stopped, its key named and after three of them banned") {
  const Guarded guarded;
  WorkerEndpoint honest(with_keys(guarded.learner->address(), guarded.keys.path, "a"),
                        small_hello());
  honest.connect(kLong);
  constexpr std::size_t kTooMuch = std::size_t{4} << 20;
  for (const std::size_t part : {std::size_t{1} << 18, std::size_t{1000}, std::size_t{40}}) {
    CAPTURE(part);
    const bool last = part == 40;
    auto guilty = guarded.with_key();
    REQUIRE(guilty.is_in());
    const std::vector<std::byte> content(part);
    std::size_t sent = 0;
    const auto told = guarded.until_told(last ? "banned after 3" : "does not end", [&] {
      for (int i = 0; i < 1000 && sent < kTooMuch; ++i) {
        sent += guilty.send_part(content, true) ? part : kTooMuch;
      }
      honest.pump(milliseconds(10));
    });
    CHECK(told.find(guarded.key_of_b()) != std::string::npos);
  }
  CHECK(guarded.rejected(Rejection::unfinished_message) == 3);
  WorkerEndpoint banned(with_keys(guarded.learner->address(), guarded.keys.path, "b"),
                        small_hello());
  CHECK_THROWS_AS(banned.connect(milliseconds(400)), Error);
  CHECK(guarded.learner->workers().size() == 1);
  CHECK(honest.close(kLong));
}

TEST_CASE("parts too small to be counted are too many soon") {
  const Guarded guarded;
  auto guilty = guarded.with_key();
  const std::vector<std::byte> content(1);
  for (int i = 0; i < 100; ++i) guilty.send_part(content, true);
  const auto told = guarded.until_told("too small", [] { usleep(1000); });
  CHECK(told.find(guarded.key_of_b()) != std::string::npos);
}

TEST_CASE("a giant frame ends its connection at its head and names the key") {
  const Guarded guarded;
  auto guilty = guarded.with_key();
  guilty.send_part(std::vector<std::byte>(Limits{}.max_message_bytes + 1), false);
  const auto told = guarded.until_told("longer than max_message_bytes", [] { usleep(1000); });
  CHECK(told.find(guarded.key_of_b()) != std::string::npos);
  WorkerEndpoint forgiven(with_keys(guarded.learner->address(), guarded.keys.path, "b"),
                          small_hello());
  forgiven.connect(kLong);  // a frame's head is not encrypted: that proves nothing about a key
  CHECK(forgiven.close(kLong));
}

TEST_CASE("those who connect and say nothing do not keep out those who do") {
  const Guarded guarded;
  const std::uint16_t port = port_of(guarded.learner->address());
  std::vector<int> idle;
  for (int i = 0; i < 600; ++i) idle.push_back(tests::connect_raw(port, "127.0.0.2"));
  WorkerEndpoint honest(with_keys(guarded.learner->address(), guarded.keys.path, "a"),
                        small_hello());
  honest.connect(kLong);
  CHECK(honest.close(kLong));
  std::uint64_t crowded_out = 0;
  for (int round = 0; round < 1000 && crowded_out < 600 - 257; ++round) {
    crowded_out = guarded.rejected(Rejection::crowded_out);
    usleep(10000);
  }
  CHECK(crowded_out >= 600 - 257);
  for (const int connection : idle) close(connection);
}

TEST_CASE("traffic in both directions passes the gate byte for byte") {
  const Guarded guarded;
  const RunManifest manifest = small_manifest();
  WorkerEndpoint worker(with_keys(guarded.learner->address(), guarded.keys.path, "a"),
                        small_hello());
  worker.connect(kLong);
  worker.set_schema(manifest.schema);
  guarded.learner->publish(small_weights(1, 5'000'000));
  std::size_t bytes = 0;
  for (std::uint64_t i = 0; i < 300; ++i) {  // more than a connection may hold at once
    const auto fragment = small_fragment(manifest.schema, 0, i, 2000);
    while (!worker.send(fragment, milliseconds(0))) {
      const auto received = guarded.learner->receive(milliseconds(10));
      if (received) bytes += received->fragment->block().size();
    }
  }
  const auto weights = worker.wait_for_weights(1, kLong);
  REQUIRE(weights);
  CHECK(*weights->image == *small_weights(1, 5'000'000).image);
  CHECK(worker.close(kLong));
  while (auto received = guarded.learner->receive(milliseconds(0))) {
    bytes += received->fragment->block().size();
  }
  CHECK(bytes == 300 * small_fragment(manifest.schema, 0, 0, 2000)->block().size());
  CHECK(guarded.learner->counters().connections_let_in == 1);
}

TEST_CASE("encrypted too, a message may have max_message_bytes to the last one") {
  const KeyFolder keys;
  make_keys(keys.path, "a");
  const auto learner = bind_channel(with_keys(keys.path), [](std::string_view) { return true; });
  const auto worker = connect_channel(with_keys(learner->address(), keys.path, "a"));
  const auto longest = std::make_shared<const Bytes>(Limits{}.max_message_bytes);
  std::size_t arrived = 0;
  bool sent = false;
  for (int round = 0; round < 3000 && arrived == 0; ++round) {
    sent = sent || worker->send({}, longest) == Sent::yes;
    learner->wait(milliseconds(10));
    learner->receive([&](const Incoming& incoming) { arrived = incoming.message.size(); });
  }
  CHECK(arrived == Limits{}.max_message_bytes);
}

TEST_CASE("an address that is taken is an error that says so, with keys too") {
  const Guarded guarded;
  LearnerOptions same = with_keys(guarded.keys.path);
  same.bind = guarded.learner->address();
  CHECK_THROWS_WITH_AS(LearnerEndpoint(same, small_manifest()), doctest::Contains("cannot bind"),
                       Error);
}

TEST_SUITE_END();
