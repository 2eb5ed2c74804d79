// Bookkeeping that bounds what misbehaving peers can cost.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "rl/core/clock.h"

namespace rl::transport {

// Counts malformed messages per key: the CURVE key where there is one, else the connection.
// Threads: one at a time.
class Strikes {
 public:
  explicit Strikes(int limit) : limit_(limit) {}

  // True when this strike bans the key.
  bool add(const std::string& key) {
    return ++count_of(key) == limit_;
  }
  void ban(const std::string& key) { count_of(key) = limit_; }
  bool is_banned(const std::string& key) const {
    const auto found = counts_.find(key);
    return found != counts_.end() && found->second >= limit_;
  }

 private:
  static constexpr std::size_t kMaxKeys = 4096;

  int& count_of(const std::string& key) {
    if (counts_.size() >= kMaxKeys && !counts_.contains(key)) forget();
    return counts_[key];
  }
  void forget() {  // the guilty last
    std::erase_if(counts_, [this](const auto& entry) { return entry.second < limit_; });
    if (counts_.size() >= kMaxKeys) counts_.clear();
  }

  int limit_;
  std::unordered_map<std::string, int> counts_{};
};

// Lets through one event per key and second.
// Threads: one at a time.
class EventLimiter {
 public:
  bool allow(std::uint64_t key, Nanoseconds now) {
    if (last_.size() >= kMaxKeys) last_.clear();
    const auto [entry, is_new] = last_.try_emplace(key, now);
    if (!is_new && now - entry->second < std::chrono::seconds(1)) return false;
    entry->second = now;
    return true;
  }

 private:
  static constexpr std::size_t kMaxKeys = 4096;
  std::unordered_map<std::uint64_t, Nanoseconds> last_{};
};

}  // namespace rl::transport
