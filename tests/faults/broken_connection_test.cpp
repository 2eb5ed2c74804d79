#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <thread>

#include "rl/core/error.h"
#include "rl/transport/worker_endpoint.h"
#include "src/transport/channel.h"
#include "src/transport/tcp_socket.h"
#include "tests/support/raw_attacker.h"

using namespace rl;
using namespace rl::transport;
using namespace std::literals;

namespace {

std::string null_greeting() {
  std::string greeting = "\xFF\0\0\0\0\0\0\0\0\x7F\3\0NULL"s;
  greeting.resize(64);
  return greeting;
}

// A stranger that speaks ZeroMQ without encryption and sends more than waits for any reader.
class Talker {
 public:
  explicit Talker(const std::string& address)
      : connection_(tests::connect_raw(
            static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1))))) {
    say(null_greeting() + "\4\x29\5READY\xBSocket-Type\0\0\0\6DEALER\x8Identity\0\0\0\0"s);
    hear(64 + 2);  // the other end's greeting, and the start of its READY
    std::string messages;
    for (int i = 0; i < 2000; ++i) messages += "\0\1m"sv;
    say(messages);
  }

  void reset() const {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(connection_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(connection_);
  }

 private:
  void say(const std::string& words) const {
    REQUIRE(send(connection_, words.data(), words.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(words.size()));
  }
  void hear(std::size_t bytes) const {
    std::array<char, 66> buffer{};
    REQUIRE(recv(connection_, buffer.data(), bytes, MSG_WAITALL) == static_cast<ssize_t>(bytes));
  }

  int connection_;
};

}  // namespace

TEST_SUITE_BEGIN("faults broken connection");

// libzmq 4.3.4 and 4.3.5 end the process when a heartbeat of their own falls due on such a
// connection: what passes here is longer than any such heartbeat could usefully be.
TEST_CASE("a connection that breaks while its messages wait unread ends nothing but itself") {
  LearnerOptions options;
  options.bind = "tcp://127.0.0.1:*";
  const auto learner = bind_channel(options, {});
  const Talker talker(learner->address());
  learner->wait(10s);  // until the first message is there
  std::this_thread::sleep_for(200ms);
  talker.reset();
  std::this_thread::sleep_for(2500ms);
  int received = 0;
  while (learner->receive([](const Incoming&) {})) ++received;
  CHECK(received > 0);
}

TEST_CASE("a worker whose handshake was garbled connects anew") {
  const TcpSocket listener = listen_tcp("127.0.0.1:*", 8);
  const auto accept_one = [&] {
    pollfd ready{.fd = listener.get(), .events = POLLIN, .revents = 0};
    return poll(&ready, 1, 30000) == 1 ? accept_tcp(listener).socket : TcpSocket();
  };
  std::jthread worker([&] {
    WorkerEndpoint endpoint({.connect = "tcp://" + local_name(listener)}, {});
    CHECK_THROWS_AS(endpoint.connect(15s), Error);  // nobody here is a learner
  });
  const TcpSocket first = accept_one();
  REQUIRE(first.is_open());
  const std::string garbled = null_greeting() + "\4\5\5XEADY"s;
  REQUIRE(first.write(std::as_bytes(std::span(garbled))) ==
          static_cast<std::ptrdiff_t>(garbled.size()));
  CHECK(accept_one().is_open());
}

TEST_SUITE_END();
