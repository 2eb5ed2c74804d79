// Local workers of a run: threads of this process, or processes of their own.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "rl/rollout/worker.h"

namespace rl::rollout {

enum class WorkerMode { thread, process };

struct WorkerPoolOptions {
  WorkerMode mode = WorkerMode::thread;
  std::size_t num_workers = 1;
  // Name and slot are set per worker; generator.threads = 0: an equal share of the machine.
  WorkerRunOptions worker{};
  std::string program{};       // process: started as `program worker --connect ... --slot k ...`
  std::string key_folder{};    // process: passed on as --keys, never a key itself
  std::function<void(int)> process_started{};  // told every process id
  std::size_t max_fruitless_restarts = 20;  // in a row without made_progress(), before giving up
};

// Starts the workers and starts a dead one again (posix_spawn: never a fork without exec).
// Threads: one thread at a time, that of the learner loop. `log` is called from worker threads too.
class WorkerPool {
 public:
  // Throws Error when a process cannot be started.
  WorkerPool(WorkerPoolOptions options, const EnvironmentRegistry& registry,
             std::function<void(const std::string&)> log);
  ~WorkerPool();  // kills what still runs

  // Restarts workers that ended although nobody asked them to. Throws Error, with the last failure,
  // once max_fruitless_restarts is spent.
  void watch();
  // Experience arrived: workers that end from now on are not a start-up failure.
  void made_progress();
  // The learner lost this worker by its silence. One that hangs in a process is killed, so that
  // watch() starts it again; a thread that hangs cannot be helped. Other names are ignored.
  void give_up(const std::string& worker_name);
  // Waits until every worker ended by itself (the learner told them to stop); kills and counts the
  // rest at the deadline. Returns how many had to be killed.
  std::size_t join(std::chrono::milliseconds deadline);

  std::size_t num_restarts() const;
  std::vector<int> process_ids() const;  // of running worker processes, for tests and operators

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rl::rollout
