// A bad network in a box: a TCP relay on the loopback that delays, slows, flips, cuts and falls
// silent, as its options and its seed say.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "rl/core/rng.h"
#include "src/transport/tcp_socket.h"

namespace rl::tests {

struct FaultProxyOptions {
  std::chrono::milliseconds delay{0};   // of every byte, each way
  std::chrono::milliseconds jitter{0};  // up to this much more, drawn per piece; order is kept
  double bytes_per_second = 0.0;        // each way of each connection; 0: no limit
  double flips_per_byte = 0.0;          // chance that one bit of a byte is another
  // Mean number of bytes, both ways, after which a connection ends, in the middle of whatever it
  // was saying; 0: never.
  double bytes_until_cut = 0.0;
  bool cut_by_reset = false;  // RST rather than FIN
};

struct FaultProxyCounters {
  std::uint64_t connections = 0;
  std::uint64_t bytes = 0;  // relayed, both ways
  std::uint64_t flips = 0;
  std::uint64_t cuts = 0;
};

// What happens to the nth byte of the nth connection follows from the seed alone; where pieces
// begin and end, and so the jitter, from the two programs too.
// Threads: an own one; every method may be called from any thread.
class FaultProxy {
 public:
  // To a port of this host. Throws std::system_error.
  FaultProxy(std::uint16_t target_port, const FaultProxyOptions& options, std::uint64_t seed = 1);
  ~FaultProxy();  // resets what is connected

  std::string address() const { return "tcp://" + name_; }
  std::uint16_t port() const;

  void set(const FaultProxyOptions& options);  // from the next piece on
  void pause(bool paused);                     // nothing moves, nothing is lost
  // Connections of this moment are dead without knowing it: what they say is swallowed and their
  // ends are not told. Later ones are served.
  void half_open();
  void reset_all();
  FaultProxyCounters counters() const;
  // What the first connection's client said, up to a megabyte.
  std::vector<std::byte> recording() const;

 private:
  using Time = std::chrono::steady_clock;
  struct Piece {
    Time::time_point due;
    std::vector<std::byte> bytes;
    std::size_t sent = 0;
  };
  struct Lane {  // one direction
    Lane(std::uint64_t seed, std::uint64_t index)
        : waits(seed, RngRole::test, 2 * index), flips(seed, RngRole::test, 2 * index + 1) {}
    RngStream waits;
    RngStream flips;
    double next_flip = -1.0;  // the byte's position; below 0: not drawn yet
    double position = 0.0;    // of the next byte
    std::deque<Piece> pieces{};
    std::size_t queued = 0;
    Time::time_point last_due{};
    Time::time_point free_at{};  // when the rate lets the next piece start
    bool ended = false;          // its source has closed
  };
  struct Link {
    transport::TcpSocket client;
    transport::TcpSocket target;
    Lane up;
    Lane down;
    double bytes_left;  // until it is cut
    bool is_first = false;
    bool is_dead = false;
  };

  void run(const std::stop_token& stop);
  void accept(std::uint64_t number);
  bool relay(Link& link);  // false when it is over
  bool take(Link& link, Lane& lane, const transport::TcpSocket& from);
  bool give(Link& link, Lane& lane, const transport::TcpSocket& to);
  void spoil(Lane& lane, std::vector<std::byte>& bytes);
  void end(Link& link, bool by_reset);

  const std::uint16_t target_port_;
  const std::uint64_t seed_;
  transport::TcpSocket listener_;
  std::string name_;
  mutable std::mutex mutex_;
  FaultProxyOptions options_;
  bool paused_ = false;
  std::vector<std::unique_ptr<Link>> links_{};
  FaultProxyCounters counters_{};
  std::vector<std::byte> recording_{};
  std::jthread thread_;  // last: stops before anything it uses is gone
};

}  // namespace rl::tests
