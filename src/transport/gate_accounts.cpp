#include "src/transport/gate_accounts.h"

#include <algorithm>

namespace rl::transport {
namespace {

// How long ZeroMQ may take to hand out what it was handed.
constexpr std::chrono::seconds kUnderWay{1};

}  // namespace

void GateAccounts::open(std::uint32_t number, Nanoseconds now) {
  const std::lock_guard lock(mutex_);
  accounts_[number].last_whole = now;
}

void GateAccounts::close(std::uint32_t number) {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(number);
  if (found == accounts_.end()) return;
  let_go(found->second, found->second.held);
  accounts_.erase(found);
}

void GateAccounts::hold(Account& account, std::size_t bytes) {
  if (bytes == 0) return;
  account.held += bytes;
  held_by_key_[account.key] += bytes;
  held_in_all_ += bytes;
}

void GateAccounts::let_go(Account& account, std::size_t bytes) {
  if (bytes == 0) return;
  account.held -= bytes;
  held_in_all_ -= bytes;
  const auto key = held_by_key_.find(account.key);
  key->second -= bytes;
  if (key->second == 0) held_by_key_.erase(key);
}

bool GateAccounts::is_open(const Account& account) const {
  if (is_full(account) || held_in_all_ >= bounds_.in_all) return false;
  const auto key = held_by_key_.find(account.key);
  return key == held_by_key_.end() || key->second < bounds_.in_all / 2;
}

void GateAccounts::handed_in(std::uint32_t number, std::size_t bytes, Nanoseconds now) {
  const std::lock_guard lock(mutex_);
  Account& account = accounts_.at(number);
  const bool was_full = is_full(account);
  hold(account, bytes);
  if (!was_full && is_full(account)) account.full_since = now;
}

bool GateAccounts::may_hand_in(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(number);
  return found != accounts_.end() && is_open(found->second);
}

std::string GateAccounts::key_of(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(number);
  return found == accounts_.end() ? std::string() : found->second.key;
}

std::vector<GateAccounts::Verdict> GateAccounts::judge(Nanoseconds now) {
  const std::lock_guard lock(mutex_);
  std::vector<Verdict> verdicts;
  for (const auto& [number, account] : accounts_) {
    if (const auto reason = fault(account, now)) verdicts.push_back({number, *reason});
  }
  if (verdicts.empty()) find_hoarders(now, verdicts);
  return verdicts;
}

std::optional<Rejection> GateAccounts::fault(const Account& account, Nanoseconds now) const {
  if (account.is_shut_out) return Rejection::shut_out;
  if (account.key.empty()) return std::nullopt;
  if (is_full(account) && all_out_ - account.full_since >= kUnderWay &&
      all_out_ - account.last_whole >= kUnderWay) {
    return Rejection::unfinished_message;
  }
  const bool receiver_is_awake = now - all_out_ < kUnderWay;
  if (receiver_is_awake && all_out_ - account.last_whole >= bounds_.silence) {
    return Rejection::silent;
  }
  return std::nullopt;
}

// Where a bound is reached, those with the most, until half of it is free. Each may be in the
// middle of an honest message, so this proves nothing: it comes back and sends again.
void GateAccounts::find_hoarders(Nanoseconds now, std::vector<Verdict>& verdicts) const {
  if (now - all_out_ >= kUnderWay) return;  // the receiver is behind: that is nobody's fault
  auto of_key = held_by_key_;
  std::size_t of_all = held_in_all_;
  const bool is_over =
      of_all >= bounds_.in_all || std::any_of(of_key.begin(), of_key.end(), [&](const auto& one) {
        return one.second >= bounds_.in_all / 2;
      });
  if (!is_over) return;
  std::vector<std::pair<std::size_t, std::uint32_t>> stuck;
  for (const auto& [number, account] : accounts_) {
    const bool is_stuck = account.held > 0 && all_out_ - account.last_whole >= kUnderWay;
    if (is_stuck) stuck.emplace_back(account.held, number);
  }
  std::sort(stuck.rbegin(), stuck.rend());
  for (const auto& [bytes, number] : stuck) {
    std::size_t& key = of_key.at(accounts_.at(number).key);
    if (of_all < bounds_.in_all / 2 && key < bounds_.in_all / 4) continue;
    of_all -= bytes;
    key -= bytes;
    verdicts.push_back({number, Rejection::hoarding});
  }
}

bool GateAccounts::log_in(std::uint32_t number, std::string_view key, Nanoseconds now) {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(number);
  if (found == accounts_.end() || !found->second.key.empty()) return false;
  found->second.key = key;
  found->second.last_whole = now;
  return true;
}

bool GateAccounts::came_out(std::uint32_t number, std::size_t bytes, Nanoseconds now) {
  const std::lock_guard lock(mutex_);
  const auto found = accounts_.find(number);
  if (found == accounts_.end()) return false;  // closed meanwhile
  Account& account = found->second;
  const bool waited = !is_open(account);
  let_go(account, std::min(bytes, account.held));
  account.last_whole = now;
  return waited && is_open(account);
}

void GateAccounts::all_came_out(Nanoseconds now) {
  const std::lock_guard lock(mutex_);
  all_out_ = now;
}

void GateAccounts::shut_out(std::string_view key) {
  const std::lock_guard lock(mutex_);
  for (auto& [number, account] : accounts_) {
    if (account.key == key) account.is_shut_out = true;
  }
}

}  // namespace rl::transport
