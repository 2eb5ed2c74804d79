// fault_stranger KIND --port P --keys DIR ...: who is up to no good, in a process of its own.
//   attempts   --count N --seed S --recording FILE   every kind of Attack in turn; ends with status
//              0 only if none was let in and each was shown the door
//   flood      --count N --seconds T    keeps N connections open that say nothing, or a byte a
//              second
//   endless    --count N --part BYTES --seconds T    N connections with worker b's key (or that of
//              --worker) send parts of messages that never end
//   giant      --count N --seconds T    N connections with that key send frames of 2 MiB
//   pinned     --count N --seconds T    N connections without a key announce a megabyte and send it
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <thread>

#include "rl/transport/keys.h"
#include "support/curve_client.h"
#include "support/raw_attacker.h"

namespace rl::tests {
namespace {

using Time = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Request {
  std::uint16_t port = 0;
  std::string keys{};
  std::string worker = "b";  // whose key it has
  std::string recording{};
  std::uint64_t count = 1;
  std::uint64_t seed = 1;
  std::uint64_t seconds = 1;
  std::uint64_t part = std::uint64_t{1} << 20;
};

transport::WorkerOptions key_of(const Request& request) {
  transport::WorkerOptions options;
  const std::filesystem::path folder = request.keys;
  transport::use_keys(options, folder / ("worker-" + request.worker + ".key"),
                      folder / "learner.pub");
  return options;
}

int make_attempts(const Request& request) {
  const transport::WorkerOptions stolen = key_of(request);
  transport::LearnerOptions learner;
  transport::use_keys(learner, request.keys);
  std::ifstream file(request.recording, std::ios::binary);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  RawAttacker attacker(request.port, stolen.keys, stolen.learner_key, learner.keys,
                       {begin, begin + text.size()}, request.seed);
  struct Tally {
    std::uint64_t attempts = 0;
    std::uint64_t let_in = 0;
    std::uint64_t not_closed = 0;
  };
  std::map<std::string, Tally> tallies;
  bool good = true;
  for (std::uint64_t i = 0; i < request.count; ++i) {
    const auto kind = static_cast<Attack>(i % static_cast<std::uint64_t>(Attack::count_));
    const AttackOutcome outcome = attacker.attack(kind, seconds(10));
    Tally& tally = tallies[to_string(kind)];
    ++tally.attempts;
    tally.let_in += outcome.let_in;
    tally.not_closed += !outcome.was_closed;
    good = good && outcome.was_closed && !outcome.let_in;
  }
  for (const auto& [kind, tally] : tallies) {
    std::printf("          %-14s %7llu attempts, %llu let in, %llu not closed\n", kind.c_str(),
                static_cast<unsigned long long>(tally.attempts),
                static_cast<unsigned long long>(tally.let_in),
                static_cast<unsigned long long>(tally.not_closed));
  }
  return good ? 0 : 1;
}

// Every second connection is silent; the others send a byte of a greeting every second.
int flood(const Request& request) {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  const auto greeting = curve_client_greeting();
  const auto end = Time::now() + seconds(request.seconds);
  struct Slow {
    int connection = -1;
    std::size_t said = 0;
  };
  std::vector<Slow> all(request.count);
  std::uint64_t connects = 0;
  auto next_byte = Time::now();
  while (Time::now() < end) {
    const bool speaks = Time::now() >= next_byte;
    if (speaks) next_byte += seconds(1);
    for (std::size_t i = 0; i < all.size() && Time::now() < end; ++i) {
      Slow& slow = all[i];
      std::array<char, 256> ignored;
      if (slow.connection >= 0) {
        const ssize_t heard = recv(slow.connection, ignored.data(), ignored.size(), MSG_DONTWAIT);
        if (heard == 0 || (heard < 0 && errno != EAGAIN)) {
          close(slow.connection);
          slow.connection = -1;
        }
      }
      if (slow.connection < 0) {
        slow = {connect_raw(request.port, i % 4 == 0 ? "127.0.0.1" : "127.0.0.2")};
        ++connects;
      }
      if (speaks && i % 2 == 1 && slow.connection >= 0) {
        static_cast<void>(send(slow.connection, &greeting[slow.said++ % 64], 1, MSG_NOSIGNAL));
      }
    }
  }
  std::printf("          the flood connected %llu times\n",
              static_cast<unsigned long long>(connects));
  return 0;
}

// One connection with a worker's key that sends parts of `bytes`, coming again when it is cut.
// Returns the bytes it got rid of.
std::uint64_t insist(const Request& request, std::size_t bytes, bool more) {
  const transport::WorkerOptions keys = key_of(request);
  const auto end = Time::now() + seconds(request.seconds);
  const std::vector<std::byte> part(bytes);
  std::uint64_t sent = 0;
  while (Time::now() < end) {
    CurveClient client(request.port, keys.keys, keys.learner_key);
    while (client.is_in() && Time::now() < end && client.send_part(part, more)) sent += bytes;
    while (client.is_in() && Time::now() < end && !client.is_closed()) {  // holds what it has
      std::this_thread::sleep_for(milliseconds(20));
    }
    if (!client.is_in()) std::this_thread::sleep_for(milliseconds(20));
  }
  return sent;
}

int with_key(const Request& request, std::size_t bytes, bool more) {
  std::atomic<std::uint64_t> sent{0};
  {
    std::vector<std::jthread> connections;
    for (std::uint64_t i = 0; i < request.count; ++i) {
      connections.emplace_back([&] { sent += insist(request, bytes, more); });
    }
  }
  std::printf("          %llu connections with a key sent %.1f MB in parts of %zu bytes\n",
              static_cast<unsigned long long>(request.count),
              static_cast<double>(sent.load()) / 1e6, bytes);
  return 0;
}

int pin(const Request& request) {
  const auto end = Time::now() + seconds(request.seconds);
  std::vector<std::byte> said = curve_client_greeting();
  for (const int byte : {6, 0, 0, 0, 0, 0, 15, 255, 255})
    said.push_back(static_cast<std::byte>(byte));
  said.resize(said.size() + 1'000'000);
  std::vector<int> connections(request.count, -1);
  while (Time::now() < end) {
    for (int& connection : connections) {
      if (connection >= 0) close(connection);
      connection = connect_raw(request.port);
      static_cast<void>(send(connection, said.data(), said.size(), MSG_NOSIGNAL | MSG_DONTWAIT));
    }
  }
  return 0;
}

int run(int argc, char** argv) {
  Request request;
  const std::string kind = argc > 1 ? argv[1] : "";
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--port") request.port = static_cast<std::uint16_t>(std::stoul(value));
    if (name == "--keys") request.keys = value;
    if (name == "--worker") request.worker = value;
    if (name == "--recording") request.recording = value;
    if (name == "--count") request.count = std::stoull(value);
    if (name == "--seed") request.seed = std::stoull(value);
    if (name == "--seconds") request.seconds = std::stoull(value);
    if (name == "--part") request.part = std::stoull(value);
  }
  if (kind == "attempts") return make_attempts(request);
  if (kind == "flood") return flood(request);
  if (kind == "endless") return with_key(request, request.part, true);
  if (kind == "giant") return with_key(request, std::size_t{2} << 20, false);
  if (kind == "pinned") return pin(request);
  return 2;
}

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody is left behind by a test that is killed
  try {
    return rl::tests::run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fault_stranger: %s\n", error.what());
    return 1;
  }
}
