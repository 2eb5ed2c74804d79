// A few threads that work on one thing together, many times a millisecond.
#pragma once

#include <algorithm>
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

// Fewer multiply-adds than this are done before a second thread has woken up.
inline constexpr std::size_t kSmallWork = std::size_t{1} << 17;

// work(begin, end) over 0 .. count - 1 in equal parts of whole grains, one per member; on the
// caller's thread alone when all of it is less than kSmallWork.
template <class Work>
void share(ThreadTeam& team, std::size_t count, std::size_t grain, std::size_t total_work,
           const Work& work) {
  if (total_work < kSmallWork || count <= grain || team.size() == 1) return work(0, count);
  const std::size_t grains = (count + grain - 1) / grain;
  const std::size_t members = team.size();
  team.run([&](std::size_t member) noexcept {
    const std::size_t begin = grains * member / members * grain;
    const std::size_t end = std::min(count, grains * (member + 1) / members * grain);
    if (begin < end) work(begin, end);
  });
}

// Members that take_turns() may hand work to.
inline std::size_t members_for(const ThreadTeam& team, std::size_t total_work) {
  return total_work < kSmallWork ? 1 : team.size();
}

// work(member, unit) for unit = 0 .. count - 1, of unequal size: a member takes the next one when it
// has done its last; all on the caller's thread, member 0, when they are less than kSmallWork.
template <class Work>
void take_turns(ThreadTeam& team, std::size_t count, std::size_t total_work, const Work& work) {
  std::atomic<std::size_t> next{0};
  const auto serve = [&](std::size_t member) noexcept {
    for (std::size_t unit = next++; unit < count; unit = next++) work(member, unit);
  };
  if (members_for(team, total_work) == 1 || count == 1) return serve(0);
  team.run(serve);
}

// The threads a computation should use when nothing else is said: the machine's, at least 1.
std::size_t default_team_size();

}  // namespace rl::language
