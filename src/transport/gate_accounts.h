// What each connection has brought that has not come out of ZeroMQ as a whole message yet.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rl/core/clock.h"
#include "rl/transport/learner_endpoint.h"

namespace rl::transport {

struct GateBounds {
  std::size_t per_connection;  // at least two of the longest messages
  std::size_t in_all;          // one key's connections may have half of it
  Nanoseconds silence;         // without a whole message, until one who is in is closed
};

// ZeroMQ keeps the parts of a message to itself until the last one is there, however many come. So
// the gate counts what it hands in and the receiver counts what comes out; the difference is what
// ZeroMQ holds. A connection at its bound is read no further. One that stays there although the
// receiver has taken out all there is has a message that does not end: no honest one is that long.
// Threads: any; `now` comes from one clock.
class GateAccounts {
 public:
  explicit GateAccounts(const GateBounds& bounds) : bounds_(bounds) {}

  // The gate's side.
  void open(std::uint32_t number, Nanoseconds now);
  void close(std::uint32_t number);
  void handed_in(std::uint32_t number, std::size_t bytes, Nanoseconds now);
  bool may_hand_in(std::uint32_t number) const;
  std::string key_of(std::uint32_t number) const;
  struct Verdict {
    std::uint32_t number;
    Rejection reason;
  };
  std::vector<Verdict> judge(Nanoseconds now);  // whom to close

  // The receiver's side. False when there is no such connection.
  bool log_in(std::uint32_t number, std::string_view key, Nanoseconds now);
  // True when the gate should look again, because one that waited may go on.
  bool came_out(std::uint32_t number, std::size_t bytes, Nanoseconds now);
  void all_came_out(Nanoseconds now);  // nothing whole waits
  void shut_out(std::string_view key);

 private:
  struct Account {
    std::string key{};
    std::size_t held = 0;
    Nanoseconds full_since{};  // when `held` reached its bound
    Nanoseconds last_whole{};  // when it was let in, or a message of it came out
    bool is_shut_out = false;
  };
  bool is_full(const Account& account) const { return account.held >= bounds_.per_connection; }
  bool is_open(const Account& account) const;
  void hold(Account& account, std::size_t bytes);
  void let_go(Account& account, std::size_t bytes);
  std::optional<Rejection> fault(const Account& account, Nanoseconds now) const;
  void find_hoarders(Nanoseconds now, std::vector<Verdict>& verdicts) const;

  const GateBounds bounds_;
  mutable std::mutex mutex_;
  std::unordered_map<std::uint32_t, Account> accounts_{};
  std::unordered_map<std::string, std::size_t> held_by_key_{};  // no zeros
  std::size_t held_in_all_ = 0;
  Nanoseconds all_out_{};  // when the receiver last found nothing
};

}  // namespace rl::transport
