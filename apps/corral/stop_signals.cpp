#include "apps/corral/stop_signals.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>

namespace rl::app {
namespace {

StopSignals signals;
const char* promise_text = "";
std::array<std::atomic<int>, 4096> children{};
std::size_t num_children = 0;

static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "a signal handler may touch lock-free atomics only");

void say(const char* text) {
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text, std::strlen(text));
}

// A number may have gone to another process since: only what is still a child of ours is ended.
void end_children() {
  for (const std::atomic<int>& child : children) {
    siginfo_t state{};
    const int id = child;
    if (id == 0) return;
    if (waitid(P_PID, static_cast<id_t>(id), &state, WEXITED | WNOHANG | WNOWAIT) == 0) {
      kill(id, SIGKILL);
    }
  }
}

void handle(int signal) {
  constexpr int kSignalled = 128;
  if (signals.count.fetch_add(1) > 0) {
    end_children();
    _exit(kSignalled + signal);
  }
  signals.stop = true;
  say("\n");
  say(promise_text);
  say("\n");
}

}  // namespace

const StopSignals& stop_on_signals(const char* promise) {
  promise_text = promise;
  struct sigaction action {};
  action.sa_handler = handle;
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return signals;
}

void end_with_us(int process_id) { children[num_children++ % children.size()] = process_id; }

}  // namespace rl::app
