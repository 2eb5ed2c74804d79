// Calls of a function that may take too long, on a thread that can be left behind.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "rl/language/verifier.h"

namespace rl::language {

enum class CallEnd : std::uint8_t { returned, threw, late };

struct CallResult {
  CallEnd end = CallEnd::returned;
  std::optional<double> value{};
  std::string trouble{};  // what it threw
};

// Calls on the caller's own thread.
CallResult call_now(const Verifier& verifier, const TextProblem& problem,
                    const JudgedText& completion);

// Threads: one thread at a time.
class SlowCaller {
 public:
  explicit SlowCaller(Verifier verifier);
  ~SlowCaller();  // waits for nothing: a call that still runs is left behind
  SlowCaller(const SlowCaller&) = delete;
  SlowCaller& operator=(const SlowCaller&) = delete;

  // Late at once while too many calls that were left behind still run. Passes on what
  // `while_waiting` throws; that call is left behind.
  CallResult call(const TextProblem& problem, const JudgedText& completion,
                  std::chrono::milliseconds deadline, const std::function<void()>& while_waiting);

 private:
  struct Desk;
  using Moment = std::chrono::steady_clock::time_point;
  void start();
  void ask(const TextProblem& problem, const JudgedText& completion);
  bool wait(Moment until, const std::function<void()>& while_waiting);
  void give_up();

  Verifier verifier_;
  std::shared_ptr<std::atomic<int>> left_behind_;
  std::shared_ptr<Desk> desk_;  // shared with the thread
  std::thread thread_;
};

}  // namespace rl::language
