#include "rl/language/thread_team.h"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rl::language {
namespace {

constexpr int kSpins = 4000;  // tens of microseconds: longer than the gaps inside a decode step

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Returns when `value` is no longer `old`.
void await_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int spin = 0; spin < kSpins; ++spin) {
    if (value.load(std::memory_order_acquire) != old) return;
    pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

ThreadTeam::ThreadTeam(std::size_t size) {
  for (std::size_t member = 1; member < size; ++member) {
    threads_.emplace_back([this, member] { serve(member); });
  }
}

ThreadTeam::~ThreadTeam() {
  stopping_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadTeam::run_erased(Call call, const void* state) {
  if (threads_.empty()) return call(state, 0);
  call_ = call;
  state_ = state;
  running_.store(static_cast<std::uint32_t>(threads_.size()), std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  call(state, 0);
  for (std::uint32_t left = running_.load(std::memory_order_acquire); left != 0;
       left = running_.load(std::memory_order_acquire)) {
    await_change(running_, left);
  }
}

void ThreadTeam::serve(std::size_t member) {
  for (std::uint32_t round = 0;;) {
    await_change(round_, round);
    ++round;
    if (stopping_.load(std::memory_order_relaxed)) return;
    call_(state_, member);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) running_.notify_all();
  }
}

std::size_t default_team_size() {
  return std::max<std::size_t>(1, std::thread::hardware_concurrency());
}

}  // namespace rl::language
