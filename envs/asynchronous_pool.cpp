#include "rl/envs/asynchronous_pool.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <numeric>

#include "rl/core/error.h"

namespace rl {
namespace {

std::size_t choose_threads(const PoolOptions& options) {
  const std::size_t wanted =
      options.num_threads > 0 ? options.num_threads : std::thread::hardware_concurrency();
  return std::clamp<std::size_t>(wanted, 1, options.num_environments);
}

[[noreturn]] void refuse(const std::string& what, const std::string& expected,
                         const std::string& remedy) {
  throw Error({.where = "asynchronous pool", .what = what, .expected = expected, .remedy = remedy});
}

}  // namespace

AsynchronousPool::AsynchronousPool(const EnvironmentFactory& factory, PoolOptions options)
    : vector_(factory, options.num_environments, options.vector),
      batch_(vector_.spec(), vector_.size()),
      is_busy_(vector_.size(), 0) {
  const std::size_t num_threads = choose_threads(options);
  for (std::size_t i = 0; i < num_threads; ++i) {
    threads_.emplace_back([this](std::stop_token stop) { work(std::move(stop)); });
  }
}

void AsynchronousPool::reset(std::span<const std::size_t> ids) {
  start(ids, true);
}
void AsynchronousPool::send(std::span<const std::size_t> ids) {
  start(ids, false);
}

void AsynchronousPool::reset_all() {
  std::vector<std::size_t> ids(size());
  std::iota(ids.begin(), ids.end(), std::size_t{0});
  reset(ids);
}

void AsynchronousPool::check_idle(std::span<const std::size_t> ids) const {
  std::vector<char> is_taken = is_busy_;
  for (const std::size_t id : ids) {
    const std::string name = "environment " + std::to_string(id);
    if (id >= size()) {
      refuse("there is no " + name, "0 to " + std::to_string(size() - 1), "correct the id");
    }
    if (is_busy_[id]) refuse(name + " is busy", "an idle environment", "call recv first");
    if (is_taken[id]) refuse(name + " is given twice", "each id once", "correct the ids");
    is_taken[id] = 1;
  }
}

void AsynchronousPool::start(std::span<const std::size_t> ids, bool is_reset) {
  check_idle(ids);
  {
    const std::lock_guard lock(mutex_);
    for (const std::size_t id : ids) jobs_.push_back({id, is_reset});
  }
  for (const std::size_t id : ids) is_busy_[id] = 1;
  num_busy_ += ids.size();
  job_added_.notify_all();
}

PoolResult AsynchronousPool::run(const Job& job) {
  PoolResult result{.id = job.id};
  try {
    if (job.is_reset) {
      vector_.reset(job.id, batch_.observation(job.id));
      result.step.is_reset = true;
    } else {
      result.step = vector_.step(job.id, batch_.const_action(job.id), batch_.observation(job.id),
                                 batch_.final_observation(job.id));
    }
  } catch (const std::exception& error) {
    result.error = error.what();
  } catch (...) {
    result.error = "something that is no std::exception was thrown";
  }
  if (!result.ok()) result.error = "environment " + std::to_string(job.id) + ": " + result.error;
  return result;
}

void AsynchronousPool::work(std::stop_token stop) {
  std::unique_lock lock(mutex_);
  while (true) {
    job_added_.wait(lock, stop, [this] { return !jobs_.empty(); });
    if (stop.stop_requested()) return;
    const Job job = jobs_.front();
    jobs_.pop_front();
    lock.unlock();
    PoolResult result = run(job);
    lock.lock();
    results_.push_back(std::move(result));
    result_added_.notify_one();
  }
}

void AsynchronousPool::throw_late(std::size_t count, std::chrono::milliseconds deadline) const {
  std::vector<char> is_awaited = is_busy_;
  for (const PoolResult& result : results_) is_awaited[result.id] = 0;
  std::string awaited;
  for (std::size_t id = 0; id < size(); ++id) {
    if (is_awaited[id]) awaited += (awaited.empty() ? "" : ", ") + std::to_string(id);
  }
  throw Error({.where = "asynchronous pool of " + spec().name,
               .what = "environments are late; awaited: " + awaited,
               .expected = std::to_string(count) + " results within " +
                           std::to_string(deadline.count()) + " ms",
               .got = std::to_string(results_.size()),
               .remedy = "look for what these environments wait for, or allow more time"});
}

std::vector<PoolResult> AsynchronousPool::recv(std::size_t count,
                                               std::chrono::milliseconds deadline) {
  if (count > num_busy_) {
    refuse("recv would never return",
           "at most " + std::to_string(num_busy_) + " results, as many as are busy",
           "send more, or ask for fewer than " + std::to_string(count));
  }
  std::unique_lock lock(mutex_);
  const bool is_there =
      result_added_.wait_for(lock, deadline, [&] { return results_.size() >= count; });
  if (!is_there) throw_late(count, deadline);
  const auto end = results_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<PoolResult> results(std::make_move_iterator(results_.begin()),
                                  std::make_move_iterator(end));
  results_.erase(results_.begin(), end);
  lock.unlock();
  for (const PoolResult& result : results) is_busy_[result.id] = 0;
  num_busy_ -= count;
  return results;
}

}  // namespace rl
