#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "support/fault_proxy.h"
#include "support/raw_attacker.h"

using namespace rl::tests;
using rl::transport::TcpSocket;
using std::chrono::milliseconds;

namespace {

// Two ends with the proxy between them.
struct Pair {
  explicit Pair(const FaultProxyOptions& options, std::uint64_t seed = 1)
      : listener(rl::transport::listen_tcp("127.0.0.1:*", 8)),
        proxy(port(listener), options, seed),
        client(connect_raw(proxy.port())) {
    wait(listener.get());
    server = rl::transport::accept_tcp(listener).socket;
  }
  static std::uint16_t port(const TcpSocket& socket) {
    const std::string name = rl::transport::local_name(socket);
    return static_cast<std::uint16_t>(std::stoul(name.substr(name.rfind(':') + 1)));
  }
  static bool wait(int descriptor, int ms = 60000) {
    pollfd one{descriptor, POLLIN, 0};
    return poll(&one, 1, ms) > 0;
  }
  void say(std::size_t bytes) const {
    const std::vector<std::byte> zeros(bytes);
    std::size_t sent = 0;
    while (sent < bytes) {
      const ssize_t count = send(client.get(), zeros.data(), bytes - sent, MSG_NOSIGNAL);
      if (count <= 0) return;
      sent += static_cast<std::size_t>(count);
    }
  }
  // What the server hears, until it has this much or the connection ends.
  std::vector<std::byte> hear(std::size_t bytes) const {
    std::vector<std::byte> heard;
    std::array<std::byte, 4096> piece;
    while (heard.size() < bytes && wait(server.get())) {
      const std::ptrdiff_t count = server.read(piece);
      if (count < 0) break;
      heard.insert(heard.end(), piece.begin(), piece.begin() + count);
    }
    return heard;
  }

  TcpSocket listener;
  FaultProxy proxy;
  TcpSocket client;
  TcpSocket server{};
};

std::size_t num_flipped(const std::vector<std::byte>& bytes) {
  std::size_t count = 0;
  for (const std::byte byte : bytes) count += byte != std::byte{0};
  return count;
}

}  // namespace

TEST_SUITE_BEGIN("fault proxy");

TEST_CASE("without faults everything arrives as it was, and a close is handed on") {
  Pair pair({});
  std::thread speaker([&] {
    pair.say(1'000'000);
    pair.client.close();
  });
  const auto heard = pair.hear(2'000'000);
  speaker.join();
  CHECK(heard.size() == 1'000'000);
  CHECK(num_flipped(heard) == 0);
}

TEST_CASE("the same seed flips the same bits, another seed others") {
  const auto heard = [](std::uint64_t seed) {
    Pair pair({.flips_per_byte = 1e-3}, seed);
    std::thread speaker([&] { pair.say(100'000); });
    auto bytes = pair.hear(100'000);
    speaker.join();
    CHECK(pair.proxy.counters().flips == num_flipped(bytes));
    return bytes;
  };
  const auto first = heard(1);
  CHECK(num_flipped(first) > 50);
  CHECK(num_flipped(first) < 200);
  CHECK(heard(1) == first);
  CHECK(heard(2) != first);
}

TEST_CASE("a delay holds every byte back, a rate spreads them") {
  for (const FaultProxyOptions& options :
       {FaultProxyOptions{.delay = milliseconds(100), .jitter = milliseconds(20)},
        FaultProxyOptions{.bytes_per_second = 50'000}}) {
    Pair pair(options);
    const auto begun = std::chrono::steady_clock::now();
    pair.say(5000);
    CHECK(pair.hear(5000).size() == 5000);
    CHECK(std::chrono::steady_clock::now() - begun >= milliseconds(99));
  }
}

TEST_CASE("a cut ends a connection in the middle of what it says, the same place for a seed") {
  const auto length = [](std::uint64_t seed, bool by_reset) {
    Pair pair({.bytes_until_cut = 50'000, .cut_by_reset = by_reset}, seed);
    std::thread speaker([&] { pair.say(10'000'000); });
    const std::size_t heard = pair.hear(20'000'000).size();
    speaker.join();
    CHECK(pair.proxy.counters().cuts == 1);
    return heard;
  };
  const std::size_t first = length(3, false);
  CHECK(first > 0);
  CHECK(first < 10'000'000);
  CHECK(length(3, false) == first);
  CHECK(length(4, false) != first);
  length(3, true);
}

TEST_CASE("while paused nothing moves and nothing is lost; half open, nobody is told") {
  Pair pair({});
  pair.proxy.pause(true);
  pair.say(1000);
  CHECK_FALSE(Pair::wait(pair.server.get(), 50));
  pair.proxy.pause(false);
  CHECK(pair.hear(1000).size() == 1000);
  pair.proxy.half_open();
  pair.say(1000);
  pair.client.close();
  CHECK_FALSE(Pair::wait(pair.server.get(), 50));
  pair.proxy.reset_all();
  CHECK(pair.hear(1).empty());
}

TEST_SUITE_END();
