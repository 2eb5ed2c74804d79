// One end of a connection that carries whole messages: ZeroMQ, or memory for tests.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "src/transport/envelope.h"
#include "src/transport/gate_report.h"

namespace rl::transport {

// What `receive` found. The views end with the call. `message` is empty when it did not have
// exactly one frame: an empty message is malformed to every protocol.
struct Incoming {
  std::string_view peer;  // return address; empty at a worker's end
  std::string_view user;  // public key the peer proved, Z85 text; empty without encryption
  std::span<const std::byte> message;
};

// What became of a message that was to be sent.
enum class Sent : std::uint8_t {
  yes,
  full,  // not taken: the peer's queue holds as much as it may
  gone   // not taken: there is no connection to this peer, and its name will not come back
};

// A learner's end talks to many peers, each named by the address in Incoming; a worker's end to
// the one it connected to, named "". Delivery is best effort and in order while a connection lasts.
// Threads: one thread at a time, except wake(), which may be called from any thread.
class Channel {
 public:
  virtual ~Channel() = default;

  // The bytes are shared until they are on the wire.
  virtual Sent send(std::string_view peer, const SharedBytes& message) = 0;
  // Hands over the next message that has arrived; false when there is none.
  virtual bool receive(const std::function<void(const Incoming&)>& handle) = 0;
  // Returns when something can be received, at the time-out, after wake(), or, when asked for,
  // when something can be sent.
  virtual void wait(std::chrono::milliseconds timeout, bool to_send = false) = 0;
  virtual void wake() = 0;
  virtual std::string address() const = 0;  // with a wildcard port resolved

  // Of the gate in front of it, where there is one: what it did since the last call, and closing
  // every connection of a key.
  virtual GateReport take_report() { return {}; }
  virtual void shut_out(std::string_view) {}
};

// Says whether a peer that proved this public key may come in.
using Admission = std::function<bool(std::string_view public_key)>;

// Throw Error naming the address when it cannot be bound or connected to. Closing waits up to a
// second for what was sent to leave.
std::unique_ptr<Channel> bind_channel(const LearnerOptions& options, Admission admit);
std::unique_ptr<Channel> connect_channel(const WorkerOptions& options);

}  // namespace rl::transport
