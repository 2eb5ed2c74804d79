#include "support/raw_attacker.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string_view>
#include <zmq.hpp>

#include "rl/core/rng.h"
#include "rl/transport/keys.h"

namespace rl::tests {
namespace {

using std::chrono::milliseconds;
using Time = std::chrono::steady_clock;

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* begin = reinterpret_cast<const std::byte*>(text.data());
  return {begin, begin + text.size()};
}

std::vector<std::byte> greeting(std::uint8_t minor, std::string_view mechanism) {
  std::vector<std::byte> bytes(64);
  bytes[0] = std::byte{0xFF};
  bytes[9] = std::byte{0x7F};
  bytes[10] = std::byte{3};
  bytes[11] = std::byte{minor};
  std::memcpy(&bytes[12], mechanism.data(), mechanism.size());
  return bytes;
}

std::vector<std::byte> operator+(std::vector<std::byte> a, const std::vector<std::byte>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

std::vector<std::byte> short_frame(std::uint8_t flags, const std::string& content) {
  std::string frame{static_cast<char>(flags), static_cast<char>(content.size())};
  return bytes_of(frame + content);
}

std::vector<std::byte> long_frame_head(std::uint8_t flags, std::uint64_t size) {
  std::vector<std::byte> head{std::byte{flags}};
  for (int shift = 56; shift >= 0; shift -= 8)
    head.push_back(static_cast<std::byte>(size >> shift));
  return head;
}

}  // namespace

struct RawAttacker::Keys {
  zmq::context_t context{};
  transport::KeyPair listed;
  std::string learner_key;
  transport::KeyPair learner_pair;
};

const char* to_string(Attack attack) {
  static constexpr std::array<const char*, static_cast<std::size_t>(Attack::count_)> kNames{
      "no encryption", "PLAIN",        "ZMTP 1",        "ZMTP 2",        "garbage",
      "TLS",           "HTTP",         "giant HELLO",   "early message", "false HELLO",
      "recorded",      "unlisted key", "other learner", "learner's key"};
  return kNames.at(static_cast<std::size_t>(attack));
}

std::vector<std::byte> curve_client_greeting() {
  return greeting(1, "CURVE");
}

int connect_raw(std::uint16_t port, const std::string& from) {
  const int result = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in name{};
  name.sin_family = AF_INET;
  inet_pton(AF_INET, from.c_str(), &name.sin_addr);
  const int on = 1;
  setsockopt(result, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  bool good = bind(result, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  name.sin_port = htons(port);
  good = good && connect(result, reinterpret_cast<const sockaddr*>(&name), sizeof name) == 0;
  if (good) return result;
  close(result);
  return -1;
}

RawAttacker::RawAttacker(std::uint16_t port, const transport::KeyPair& listed_key,
                         std::string learner_key, const transport::KeyPair& learner_pair,
                         std::vector<std::byte> recording, std::uint64_t seed)
    : port_(port),
      keys_(new Keys{.listed = listed_key,
                     .learner_key = std::move(learner_key),
                     .learner_pair = learner_pair}),
      recording_(std::move(recording)),
      seed_(seed) {}

RawAttacker::~RawAttacker() = default;

AttackOutcome RawAttacker::attack(Attack kind, milliseconds deadline) {
  ++number_;
  switch (kind) {
    case Attack::unlisted_key:
      return attack_with_key(transport::generate_key_pair(), keys_->learner_key, deadline);
    case Attack::other_learner:
      return attack_with_key(keys_->listed, transport::generate_key_pair().public_key, deadline);
    case Attack::learners_key:
      return attack_with_key(keys_->learner_pair, keys_->learner_key, deadline);
    default:
      return attack_raw(kind, deadline);
  }
}

std::vector<std::byte> RawAttacker::words(Attack kind) {
  RngStream random(seed_, RngRole::test, number_);
  const auto noise = [&](std::size_t size) {
    std::vector<std::byte> bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
    return bytes;
  };
  switch (kind) {
    case Attack::null_mechanism:
      return greeting(0, "NULL") +
             short_frame(4, std::string("\5READY\13Socket-Type\0\0\0\6DEALER", 28)) +
             short_frame(0, "let me in");
    case Attack::plain_mechanism:
      return greeting(0, "PLAIN") + short_frame(4, "\5HELLO\5admin\5admin");
    case Attack::zmtp1:
      return bytes_of(std::string("\1\0\6\0hello", 9));
    case Attack::zmtp2:
      return bytes_of(std::string("\xFF\0\0\0\0\0\0\0\1\x7F\1\5\0\0", 14));
    case Attack::tls_hello:
      return bytes_of(std::string("\x16\3\1\2\0\1\0\1\xFC\3\3", 11)) + noise(200);
    case Attack::http:
      return bytes_of("GET / HTTP/1.1\r\nHost: learner\r\n\r\n");
    case Attack::giant_hello:
      return curve_client_greeting() + long_frame_head(6, std::uint64_t{8} << 30) + noise(4096);
    case Attack::early_message:
      return curve_client_greeting() + long_frame_head(2, 1000) + noise(1000);
    case Attack::false_hello:
      return curve_client_greeting() + short_frame(4, "\5HELLO\1" + std::string(193, '\0'));
    case Attack::recorded:
      return recording_;
    default:
      return noise(1 + random.below(400));
  }
}

AttackOutcome RawAttacker::attack_raw(Attack kind, milliseconds deadline) {
  AttackOutcome outcome;
  const int connection = connect_raw(port_);
  if (connection < 0) return {.was_closed = true};
  const std::vector<std::byte> said = words(kind);
  static_cast<void>(send(connection, said.data(), said.size(), MSG_NOSIGNAL));
  std::size_t heard = 0;
  const auto end = Time::now() + deadline;
  while (Time::now() < end) {
    pollfd wait{connection, POLLIN, 0};
    if (poll(&wait, 1, 10) <= 0) continue;
    std::array<char, 4096> answer;
    const ssize_t count = recv(connection, answer.data(), answer.size(), 0);
    if (count <= 0) {
      outcome.was_closed = true;
      break;
    }
    heard += static_cast<std::size_t>(count);
    const std::string_view text(answer.data(), static_cast<std::size_t>(count));
    outcome.let_in = outcome.let_in || text.find("\5READY") != std::string_view::npos;
  }
  close(connection);
  outcome.heard_bytes = heard > 64 ? heard - 64 : 0;
  return outcome;
}

AttackOutcome RawAttacker::attack_with_key(const transport::KeyPair& key, const std::string& server,
                                           milliseconds deadline) {
  zmq::socket_t socket(keys_->context, zmq::socket_type::dealer);
  socket.set(zmq::sockopt::linger, 0);
  socket.set(zmq::sockopt::reconnect_ivl, -1);
  socket.set(zmq::sockopt::curve_serverkey, server);
  socket.set(zmq::sockopt::curve_publickey, key.public_key);
  socket.set(zmq::sockopt::curve_secretkey, key.secret_key);
  const std::string name = "inproc://monitor-" + std::to_string(number_);
  zmq_socket_monitor(socket.handle(), name.c_str(),
                     ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL |
                         ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
                         ZMQ_EVENT_DISCONNECTED);
  zmq::socket_t monitor(keys_->context, zmq::socket_type::pair);
  monitor.set(zmq::sockopt::linger, 0);
  monitor.set(zmq::sockopt::rcvtimeo, static_cast<int>(deadline.count()));
  monitor.connect(name);
  socket.connect("tcp://127.0.0.1:" + std::to_string(port_));
  AttackOutcome outcome;
  zmq::message_t event;
  zmq::message_t where;
  if (monitor.recv(event) && monitor.recv(where)) {
    std::uint16_t what = 0;
    std::memcpy(&what, event.data(), sizeof what);
    outcome.let_in = what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
    outcome.was_closed = !outcome.let_in;
  }
  zmq_socket_monitor(socket.handle(), nullptr, 0);
  return outcome;
}

}  // namespace rl::tests
