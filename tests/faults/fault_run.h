// What most fault tests have: a receiver, worker processes and their ledger.
#pragma once

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "tests/faults/processes.h"
#include "tests/faults/receiver.h"
#include "tests/faults/report.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {

struct FaultRunOptions {
  std::size_t workers = 4;
  bool with_keys = false;
  std::string bind{};                                // empty: over ipc, an address of its own
  std::string environment = "Paced-5ms-v0";
  std::chrono::milliseconds worker_timeout{10000};   // of the receiver
  std::chrono::milliseconds learner_timeout{15000};  // of the workers
  std::chrono::seconds retry{15};                    // of a worker that finds no learner
};

// With keys over tcp; both ends give the other up after `timeout`, and workers come back for long.
inline FaultRunOptions over_network(std::size_t workers, const std::string& environment,
                                    std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
  return {.workers = workers,
          .with_keys = true,
          .bind = "tcp://127.0.0.1:*",
          .environment = environment,
          .worker_timeout = timeout,
          .learner_timeout = timeout,
          .retry = std::chrono::seconds(600)};
}

// Threads: one thread at a time.
class FaultRun {
 public:
  using Time = std::chrono::steady_clock;

  explicit FaultRun(const FaultRunOptions& options);

  Receiver& receiver() { return *receiver_; }
  std::uint16_t port() const;
  const std::filesystem::path& folder() const { return folder_.path(); }
  std::filesystem::path keys() const { return folder_.path() / "keys"; }  // workers a and b

  // As "worker-INDEX", with key a. `before` are the first words of the command, e.g. nsenter.
  void start_worker(std::size_t index, const std::string& address,
                    const std::vector<std::string>& before = {});
  void start_worker(std::size_t index) { start_worker(index, receiver_->address()); }
  void start_workers(const std::string& address, const std::vector<std::string>& before = {});
  void start_workers() { start_workers(receiver_->address()); }
  Processes& processes() { return processes_; }

  std::size_t num_present() { return receiver_->endpoint().workers().size(); }
  std::size_t num_lost() const { return receiver_->num_events(transport::WorkerEventKind::lost); }
  bool all_present(std::chrono::seconds most);
  double steps_per_second(std::chrono::milliseconds time);
  // The orderly end, and whether the ledger balances: it must.
  LedgerBalance settle(Report& report);

  template <class Condition>
  static bool wait_for(Condition condition, std::chrono::milliseconds most) {
    const auto end = Time::now() + most;
    while (!condition()) {
      if (Time::now() >= end) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

 private:
  const FaultRunOptions options_;
  const TemporaryFolder folder_;
  const std::array<std::filesystem::path, 2> files_;
  std::unique_ptr<Receiver> receiver_;
  Processes processes_;
};

// The most memory this process had since the construction, beyond what it had then.
class PeakMemory {
 public:
  PeakMemory();
  double megabytes() const { return peak_.load(); }

 private:
  const double start_;
  std::atomic<double> peak_{0.0};
  std::jthread thread_;  // last: stops before anything it uses is gone
};

inline double seconds_since(FaultRun::Time::time_point begun) {
  return std::chrono::duration<double>(FaultRun::Time::now() - begun).count();
}

}  // namespace rl::tests
