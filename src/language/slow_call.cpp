#include "src/language/slow_call.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace rl::language {
namespace {

using std::chrono::milliseconds;

constexpr int kMostLeftBehind = 16;
constexpr milliseconds kSlice{100};  // between calls of while_waiting

}  // namespace

CallResult call_now(const Verifier& verifier, const TextProblem& problem,
                    const JudgedText& completion) {
  try {
    return {CallEnd::returned, verifier(problem, completion), ""};
  } catch (const std::exception& error) {
    return {CallEnd::threw, std::nullopt, error.what()};
  } catch (...) {
    return {CallEnd::threw, std::nullopt, "something that is no std::exception"};
  }
}

// Where caller and thread meet. The thread keeps it alive when it is left behind.
struct SlowCaller::Desk {
  enum class State : std::uint8_t { idle, asked, answered, over };

  std::mutex mutex;
  std::condition_variable changed;
  State state = State::idle;
  bool abandoned = false;  // written by the caller, under the mutex
  TextProblem problem;
  std::string text;
  std::vector<text::TokenId> tokens;
  CallResult result;

  void serve(const Verifier& verifier, std::atomic<int>& left_behind) {
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return state == State::asked || state == State::over; });
      if (state == State::over) break;
      lock.unlock();
      CallResult made = call_now(verifier, problem, {text, tokens});
      lock.lock();
      if (abandoned) {
        --left_behind;
        return;
      }
      result = std::move(made);
      state = State::answered;
      changed.notify_all();
    }
  }
};

SlowCaller::SlowCaller(Verifier verifier)
    : verifier_(std::move(verifier)), left_behind_(std::make_shared<std::atomic<int>>(0)) {}

SlowCaller::~SlowCaller() {
  if (!desk_ || desk_->abandoned) return;
  {
    const std::lock_guard lock(desk_->mutex);
    desk_->state = Desk::State::over;
    desk_->changed.notify_all();
  }
  thread_.join();  // it is idle: calls that ran on were left behind
}

void SlowCaller::start() {
  desk_ = std::make_shared<Desk>();
  thread_ = std::thread([desk = desk_, verifier = verifier_, left_behind = left_behind_] {
    desk->serve(verifier, *left_behind);
  });
}

void SlowCaller::ask(const TextProblem& problem, const JudgedText& completion) {
  if (!desk_) start();
  const std::lock_guard lock(desk_->mutex);
  desk_->problem = problem;
  desk_->text = std::string(completion.text);
  desk_->tokens.assign(completion.tokens.begin(), completion.tokens.end());
  desk_->state = Desk::State::asked;
  desk_->changed.notify_all();
}

bool SlowCaller::wait(Moment until, const std::function<void()>& while_waiting) {
  std::unique_lock lock(desk_->mutex);
  const auto answered = [&] { return desk_->state == Desk::State::answered; };
  const auto slice = [&] { return std::min(until, std::chrono::steady_clock::now() + kSlice); };
  while (!desk_->changed.wait_until(lock, slice(), answered)) {
    if (std::chrono::steady_clock::now() >= until) return false;
    lock.unlock();
    if (while_waiting) while_waiting();
    lock.lock();
  }
  return true;
}

void SlowCaller::give_up() {
  const std::lock_guard lock(desk_->mutex);
  if (desk_->state == Desk::State::answered) {  // at the last moment: too late all the same
    desk_->state = Desk::State::idle;
    return;
  }
  desk_->abandoned = true;
  ++*left_behind_;
  thread_.detach();
}

CallResult SlowCaller::call(const TextProblem& problem, const JudgedText& completion,
                            std::chrono::milliseconds deadline,
                            const std::function<void()>& while_waiting) {
  const CallResult late{CallEnd::late, std::nullopt, ""};
  if (desk_ && desk_->abandoned) desk_.reset();
  if (!desk_ && *left_behind_ >= kMostLeftBehind) return late;
  ask(problem, completion);
  try {
    if (!wait(std::chrono::steady_clock::now() + deadline, while_waiting)) {
      give_up();
      return late;
    }
  } catch (...) {
    give_up();
    throw;
  }
  const std::lock_guard lock(desk_->mutex);
  desk_->state = Desk::State::idle;
  return std::move(desk_->result);
}

}  // namespace rl::language
