// What a stranger may try at a learner's port: plain sockets and, where a key takes part, libzmq.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rl/transport/options.h"

namespace rl::tests {

enum class Attack : std::uint8_t {
  null_mechanism,   // a ZeroMQ greeting without encryption, then a message
  plain_mechanism,  // user name and password
  zmtp1,            // as ZeroMQ 2 spoke
  zmtp2,            // as ZeroMQ 3 spoke
  garbage,
  tls_hello,
  http,
  giant_hello,    // CURVE, then a frame that claims 8 GB
  early_message,  // CURVE, then a message before the handshake
  false_hello,    // CURVE, then a HELLO of the right size with nothing in it
  recorded,       // what an honest worker sent once, all over again
  unlisted_key,   // a right handshake with a key that is not on the list
  other_learner,  // a listed key, looking for another learner
  learners_key,   // the learner's own key in a worker's role
  count_
};
const char* to_string(Attack attack);

struct AttackOutcome {
  bool let_in = false;          // its handshake went through
  bool was_closed = false;      // the other end ended it before the deadline
  std::size_t heard_bytes = 0;  // beyond a server's greeting
};

// One stranger with whatever keys it has stolen. Threads: one at a time per object.
class RawAttacker {
 public:
  RawAttacker(std::uint16_t port, const transport::KeyPair& listed_key, std::string learner_key,
              const transport::KeyPair& learner_pair, std::vector<std::byte> recording,
              std::uint64_t seed);
  ~RawAttacker();

  AttackOutcome attack(Attack kind, std::chrono::milliseconds deadline);

 private:
  AttackOutcome attack_raw(Attack kind, std::chrono::milliseconds deadline);
  AttackOutcome attack_with_key(const transport::KeyPair& key, const std::string& server,
                                std::chrono::milliseconds deadline);
  std::vector<std::byte> words(Attack kind);

  struct Keys;
  std::uint16_t port_;
  std::unique_ptr<Keys> keys_;
  std::vector<std::byte> recording_;
  std::uint64_t seed_;
  std::uint64_t number_ = 0;
};

// A blocking connection to 127.0.0.1, from this loopback address; -1 when it is refused.
int connect_raw(std::uint16_t port, const std::string& from = "127.0.0.1");
// A CURVE client's greeting.
std::vector<std::byte> curve_client_greeting();

}  // namespace rl::tests
