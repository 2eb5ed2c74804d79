// Steps many environments on a few threads, first finished, first returned.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "rl/envs/vector_environment.h"

namespace rl {

struct PoolOptions {
  std::size_t num_environments = 1;
  std::size_t num_threads = 0;  // 0: one per core; never more than environments
  VectorOptions vector{};       // autoreset mode and seeds
};

struct PoolResult {
  std::size_t id = 0;   // of the environment
  VectorStep step{};    // after reset(): no reward, no flags, is_reset
  std::string error{};  // what the environment threw; then its rows and `step` mean nothing

  bool ok() const { return error.empty(); }
};

// One slow environment delays nobody: recv(M) returns as soon as any M of those sent have finished.
//
//   pool.reset_all();
//   loop: for each result of pool.recv(M, deadline): read observation(id), write action(id)
//         pool.send(ids)
//
// An environment is idle, or busy from send()/reset() until recv() returned it. Episodes and seeds
// are those of VectorEnvironment: what an environment does depends on its id and actions alone,
// not on threads or timing; only the order of results does.
// Threads: all methods by one thread at a time. The rows of an environment belong to the caller
// while it is idle, to the pool while it is busy.
class AsynchronousPool {
 public:
  AsynchronousPool(const EnvironmentFactory& factory, PoolOptions options);
  // Waits for the steps that run right now; what is still queued is not made.
  ~AsynchronousPool() = default;
  AsynchronousPool(const AsynchronousPool&) = delete;
  AsynchronousPool& operator=(const AsynchronousPool&) = delete;

  std::size_t size() const { return vector_.size(); }
  const EnvironmentSpec& spec() const { return vector_.spec(); }

  // Begin next episodes. Throws Error, starting nothing, when an id is unknown, given twice or
  // busy.
  void reset(std::span<const std::size_t> ids);
  void reset_all();
  // Step with action(id). Errors as reset().
  void send(std::span<const std::size_t> ids);

  Fields action(std::size_t id) { return batch_.action(id); }
  ConstFields observation(std::size_t id) const { return batch_.const_observation(id); }
  ConstFields final_observation(std::size_t id) const {  // same_step, after an end
    return batch_.const_final_observation(id);
  }

  // The next `count` results, in the order they finished. An environment that throws gives a
  // result with `error`; the pool goes on, and so does the environment after a reset(). Throws
  // Error when fewer than `count` are busy, and when the deadline passes: then it names the
  // environments awaited, and what has finished stays for the next call.
  std::vector<PoolResult> recv(std::size_t count, std::chrono::milliseconds deadline);

  std::size_t num_busy() const { return num_busy_; }

 private:
  struct Job {
    std::size_t id;
    bool is_reset;
  };

  void start(std::span<const std::size_t> ids, bool is_reset);
  void check_idle(std::span<const std::size_t> ids) const;
  void work(std::stop_token stop);
  PoolResult run(const Job& job);
  [[noreturn]] void throw_late(std::size_t count, std::chrono::milliseconds deadline) const;

  VectorEnvironment vector_;
  VectorBatch batch_;
  std::vector<char> is_busy_;  // by id; the caller's thread alone
  std::size_t num_busy_ = 0;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any job_added_;
  std::condition_variable result_added_;
  std::deque<Job> jobs_;
  std::deque<PoolResult> results_;

  std::vector<std::jthread> threads_;  // last: stopped and joined before the rest goes
};

}  // namespace rl
