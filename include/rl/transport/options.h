// Addresses, keys, limits and times of a connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rl::transport {

// The one place for every limit on what a peer may send. Tested at the limit and one past it.
struct Limits {
  std::size_t max_message_bytes = std::size_t{1} << 20;      // a frame, envelope included
  std::size_t max_control_bytes = std::size_t{64} << 10;     // hello, welcome, heartbeats
  std::size_t max_fragments_per_message = 1024;
  std::size_t max_weight_bytes = std::size_t{8} << 30;       // one snapshot
  std::size_t weight_chunk_bytes = std::size_t{256} << 10;
  std::size_t max_workers = 4096;
  int strikes = 3;                                           // malformed messages until a ban
};

// CURVE keys as 40-character Z85 text; empty: no encryption (loopback, ipc and inproc only).
struct KeyPair {
  std::string public_key{};
  std::string secret_key{};
};

inline constexpr std::size_t kLeastCreditBytes = 4096;  // LearnerOptions::credit_bytes

struct LearnerOptions {
  std::string bind = "ipc://@/corral";      // ipc://, tcp:// or inproc:// address
  KeyPair keys{};
  std::vector<std::string> allowed_workers{};  // public keys let in, when keys are set
  // A folder of .pub files let in besides; read again every 2 s, so that a file added lets in and
  // a file deleted shuts out while the run goes on.
  std::string allowed_folder{};
  // Unread experience per worker, at most. A larger fragment could never be sent: keep it above
  // the largest one.
  std::size_t credit_bytes = std::size_t{8} << 20;
  std::chrono::milliseconds worker_timeout{10000};  // silence until a worker counts as lost
  std::chrono::milliseconds heartbeat_every{1000};
  Limits limits{};
};

struct WorkerOptions {
  std::string connect = "ipc://@/corral";
  KeyPair keys{};
  std::string learner_key{};                          // the learner's public key, with keys
  std::size_t batch_bytes = std::size_t{64} << 10;    // gather small fragments up to this
  // ... and for at most this long: what is gathered dies with a killed worker, and grows stale.
  // Longer: fewer messages for the learner of thousands of slow workers.
  std::chrono::milliseconds gather_time{20};
  std::chrono::milliseconds learner_timeout{15000};   // silence until the learner counts as lost
  std::chrono::milliseconds heartbeat_every{1000};
  Limits limits{};
};

// Throw Error naming the field and the allowed range.
void validate(const LearnerOptions& options);
void validate(const WorkerOptions& options);

}  // namespace rl::transport
