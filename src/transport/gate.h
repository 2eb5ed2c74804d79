// What stands between the network and ZeroMQ: the port that workers of other hosts connect to.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "src/transport/gate_accounts.h"
#include "src/transport/gate_report.h"
#include "src/transport/tcp_socket.h"
#include "src/transport/zmtp.h"

namespace rl::transport {

// Whether a learner with these options has one: over tcp, with keys.
inline bool has_gate(const LearnerOptions& options) {
  return !options.keys.secret_key.empty() && options.bind.starts_with("tcp://");
}

inline constexpr std::size_t kGateDescriptors =
    3;  // of one connection: two of ours, one of ZeroMQ's

// Relays bytes between the public port and ZeroMQ's, which listens on the loopback. It has no key
// and decides nothing that the handshake decides; it sees to what ZeroMQ does not bound:
//   before login   only a greeting that asks for CURVE, a HELLO and an INITIATE pass, each when it
//                  is due, of the right size and in time; where too many arrive, those go first
//                  who come from where most come from;
//   after login    GateAccounts.
// A connection reaches ZeroMQ from a loopback address of its own, by which both sides name it.
// Threads: an own one; every method may be called from any thread.
class Gate {
 public:
  // Listens at once; throws std::system_error. Takes as many connections as this process may have
  // descriptors for.
  Gate(const LearnerOptions& options, std::uint16_t inner_port);
  // Relays what ZeroMQ still sends until it has closed its ends, for at most a second.
  ~Gate();

  std::string address() const { return address_; }

  // For the receiver. `from` is the loopback address of a connection.
  bool log_in(std::string_view from, std::string_view key);  // false: it did not come through here
  void came_out(std::string_view from, std::size_t on_the_wire);
  void all_came_out();
  void shut_out(std::string_view key);
  GateReport take_report();  // since the last call

 private:
  struct Connection {
    explicit Connection(std::size_t max_message_bytes) : from_client(max_message_bytes) {}
    std::uint32_t number = 0;
    TcpSocket client{};
    TcpSocket inner{};
    std::string source{};
    ZmtpClientReader from_client;
    ZmtpServerReader from_inner{};
    Bytes to_client{};
    Bytes to_inner{};
    Nanoseconds deadline{};  // to be let in, or once the client has left, to be done
    bool client_left = false;
    std::uint32_t client_events = 0;
    std::uint32_t inner_events = 0;
    std::size_t small_frames = 0;  // since `small_since`
    Nanoseconds small_since{};
  };

  void run(const std::stop_token& stop);
  void accept_all();
  void make_room();
  void serve(Connection& connection, bool is_client, std::uint32_t events);
  bool read_client(Connection& connection);
  bool read_inner(Connection& connection);
  bool is_flood(Connection& connection, std::size_t small_frames, Nanoseconds now) const;
  void let_in(Connection& connection);
  void look_around(Nanoseconds now);
  void look_at_held_up();
  void watch(Connection& connection);
  void watch(int descriptor, std::uint64_t tag, std::uint32_t events, std::uint32_t& current) const;
  void reject(Connection& connection, Rejection reason);
  void drop(Connection& connection);
  bool is_arriving(const Connection& connection) const;
  void no_longer_arriving(const Connection& connection);
  std::uint32_t new_number();

  const std::size_t max_message_bytes_;
  const std::uint16_t inner_port_;
  std::size_t most_connections_ = 0;
  std::size_t most_arriving_ = 0;
  TcpSocket listener_;
  std::string address_;
  Descriptor epoll_;
  Descriptor wake_;
  GateAccounts accounts_;

  // The own thread's.
  std::unordered_map<std::uint32_t, std::unique_ptr<Connection>> connections_{};
  std::deque<std::uint32_t> arriving_{};  // oldest first
  std::unordered_map<std::string, std::size_t> arriving_from_{};
  std::unordered_set<std::uint32_t> held_up_{};  // not read, by their accounts
  std::uint32_t next_number_;
  Nanoseconds accept_again_{};
  std::uint32_t listener_events_ = 0;
  Bytes scratch_;

  std::mutex report_mutex_;
  GateReport report_{};
  std::jthread thread_;  // last: stops before anything it uses is gone
};

}  // namespace rl::transport
