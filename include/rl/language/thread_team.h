// A few threads that work on one thing together, many times a millisecond.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace rl::language {

// Fork and join: run() calls the work once per member, on the caller's thread too, and returns when
// all are done. Members wait by spinning for some microseconds, then by sleeping.
// Threads: one caller at a time. Work must not throw, and must not call run() of the same team.
class ThreadTeam {
 public:
  explicit ThreadTeam(std::size_t size);  // at least 1; 1 starts no thread
  ~ThreadTeam();
  ThreadTeam(const ThreadTeam&) = delete;
  ThreadTeam& operator=(const ThreadTeam&) = delete;

  std::size_t size() const { return threads_.size() + 1; }

  // work(member) for member = 0 .. size() - 1.
  template <class Work>
  void run(const Work& work) {
    static_assert(std::is_nothrow_invocable_v<const Work&, std::size_t>);
    run_erased([](const void* state, std::size_t member) noexcept {
      (*static_cast<const Work*>(state))(member);
    }, &work);
  }

 private:
  using Call = void (*)(const void* state, std::size_t member) noexcept;
  void run_erased(Call call, const void* state);
  void serve(std::size_t member);

  std::vector<std::thread> threads_;
  Call call_ = nullptr;
  const void* state_ = nullptr;
  std::atomic<std::uint32_t> round_{0};    // rises by one per run(); the last one stops
  std::atomic<std::uint32_t> running_{0};  // members still at work
  std::atomic<bool> stopping_{false};
};

// The threads a computation should use when nothing else is said: the machine's, at least 1.
std::size_t default_team_size();

}  // namespace rl::language
