#include "rl/rollout/worker_pool.h"

#include <csignal>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <exception>
#include <thread>

#include "rl/core/clock.h"
#include "rl/core/error.h"

extern char** environ;

namespace rl::rollout {
namespace {

using std::chrono::milliseconds;
using Log = std::function<void(const std::string&)>;

// One worker, whichever way it runs.
class LocalWorker {
 public:
  virtual ~LocalWorker() = default;
  virtual bool running() = 0;
  virtual std::string ending() const = 0;  // how it ended, a clause for the log
  virtual void kill() = 0;
  virtual void end_if_hung() {}  // at once, where that can be done to one that does not listen
  virtual int process_id() const { return 0; }
};

class ThreadWorker final : public LocalWorker {
 public:
  ThreadWorker(const WorkerRunOptions& options, const EnvironmentRegistry& registry, Log log)
      : thread_([this, options, &registry, log] { run(options, registry, log); }) {}
  ~ThreadWorker() override { kill(); }

  bool running() override { return running_; }
  std::string ending() const override { return failure_; }
  void kill() override {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  void run(const WorkerRunOptions& options, const EnvironmentRegistry& registry, const Log& log) {
    try {
      run_worker(options, registry, stop_, log);
    } catch (const std::exception& error) {
      failure_ = error.what();
    }
    running_ = false;
  }

  std::atomic<bool> stop_{false};
  std::atomic<bool> running_{true};
  std::string failure_;  // written before running_ turns false
  std::thread thread_;
};

class ProcessWorker final : public LocalWorker {
 public:
  ProcessWorker(const std::string& program, std::vector<std::string> arguments) {
    std::vector<char*> argv;
    for (auto& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    // A group of its own: Ctrl-C in the terminal goes to the learner, which stops its workers.
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    const int error =
        posix_spawn(&process_id_, program.c_str(), nullptr, &attributes, argv.data(), environ);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) {
      throw Error({.where = "worker pool",
                   .what = "cannot start '" + program + "': " + std::strerror(error),
                   .remedy = "build the corral program, or use --worker-mode thread"});
    }
  }
  ~ProcessWorker() override { kill(); }

  bool running() override {
    if (ended_) return false;
    const pid_t result = waitpid(process_id_, &status_, WNOHANG);
    ended_ = result == process_id_ || (result < 0 && errno == ECHILD);
    return !ended_;
  }
  std::string ending() const override {
    if (WIFSIGNALED(status_)) return "killed by signal " + std::to_string(WTERMSIG(status_));
    return "exit code " + std::to_string(WEXITSTATUS(status_));
  }
  void kill() override {
    if (!running()) return;
    ::kill(process_id_, SIGKILL);
    waitpid(process_id_, &status_, 0);
    ended_ = true;
  }
  void end_if_hung() override {
    if (running()) ::kill(process_id_, SIGKILL);
  }
  int process_id() const override { return process_id_; }

 private:
  pid_t process_id_ = 0;
  int status_ = 0;
  bool ended_ = false;
};

std::string name_of(std::size_t index) {
  return "worker-" + std::to_string(index);
}

// Workers that each took every core for their texts would wait for one another.
std::size_t share_of_machine(std::size_t workers) {
  const std::size_t cores = std::thread::hardware_concurrency();
  return std::clamp<std::size_t>(cores / std::max<std::size_t>(1, workers), 1, 1024);
}

}  // namespace

struct WorkerPool::Impl {
  Impl(WorkerPoolOptions pool_options, const EnvironmentRegistry& environments, Log sink)
      : options(std::move(pool_options)), registry(environments), log(std::move(sink)) {
    std::size_t& threads = options.worker.generator.threads;
    if (threads == 0) threads = share_of_machine(options.num_workers);
    for (std::size_t i = 0; i < options.num_workers; ++i) workers.push_back(start(i));
  }

  std::unique_ptr<LocalWorker> start(std::size_t index) const {
    WorkerRunOptions worker = options.worker;
    worker.name = name_of(index);
    worker.slot = static_cast<std::int32_t>(index);
    if (options.mode == WorkerMode::thread) {
      return std::make_unique<ThreadWorker>(worker, registry, log);
    }
    std::vector<std::string> arguments{options.program,  "worker",    "--connect",
                                       worker.transport.connect, "--name", worker.name,
                                       "--slot",         std::to_string(index),
                                       "--threads",      std::to_string(worker.generator.threads),
                                       "--quiet"};
    if (!options.key_folder.empty()) {
      arguments.insert(arguments.end(), {"--keys", options.key_folder});
    }
    auto process = std::make_unique<ProcessWorker>(options.program, std::move(arguments));
    if (options.process_started) options.process_started(process->process_id());
    return process;
  }

  void restart(std::size_t index) {
    const std::string ending = workers[index]->ending();
    if (++fruitless_restarts > options.max_fruitless_restarts) {
      throw Error({.where = "worker pool",
                   .what = "workers keep ending before they deliver anything; last worker-" +
                           std::to_string(index) + " (" + ending + ")",
                   .remedy = "see the worker's message above, or run one by hand with "
                             "`corral worker --connect " +
                             options.worker.transport.connect + "`"});
    }
    ++restarts;
    log("worker-" + std::to_string(index) + " ended (" + ending + "); starting it again");
    workers[index] = start(index);
  }

  WorkerPoolOptions options;
  const EnvironmentRegistry& registry;
  Log log;
  std::vector<std::unique_ptr<LocalWorker>> workers;
  std::size_t restarts = 0;
  std::size_t fruitless_restarts = 0;
};

WorkerPool::WorkerPool(WorkerPoolOptions options, const EnvironmentRegistry& registry, Log log)
    : impl_(std::make_unique<Impl>(std::move(options), registry, std::move(log))) {}

WorkerPool::~WorkerPool() = default;

void WorkerPool::made_progress() { impl_->fruitless_restarts = 0; }

void WorkerPool::watch() {
  for (std::size_t i = 0; i < impl_->workers.size(); ++i) {
    if (!impl_->workers[i]->running()) impl_->restart(i);
  }
}

void WorkerPool::give_up(const std::string& worker_name) {
  for (std::size_t i = 0; i < impl_->workers.size(); ++i) {
    if (name_of(i) == worker_name) impl_->workers[i]->end_if_hung();
  }
}

std::size_t WorkerPool::join(milliseconds deadline) {
  const Nanoseconds end = steady_clock().now() + deadline;
  std::size_t killed = 0;
  for (auto& worker : impl_->workers) {
    while (worker->running() && steady_clock().now() < end) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    if (!worker->running()) continue;
    worker->kill();
    ++killed;
  }
  return killed;
}

std::size_t WorkerPool::num_restarts() const { return impl_->restarts; }

std::vector<int> WorkerPool::process_ids() const {
  std::vector<int> ids;
  for (const auto& worker : impl_->workers) {
    if (worker->process_id() > 0) ids.push_back(worker->process_id());
  }
  return ids;
}

}  // namespace rl::rollout
