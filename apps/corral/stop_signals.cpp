#include "apps/corral/stop_signals.h"

#include <csignal>
#include <cstring>
#include <unistd.h>

namespace rl::app {
namespace {

StopSignals signals;
const char* promise_text = "";

static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "a signal handler may touch lock-free atomics only");

void say(const char* text) {
  [[maybe_unused]] const auto written = write(STDERR_FILENO, text, std::strlen(text));
}

void handle(int signal) {
  constexpr int kSignalled = 128;
  if (signals.count.fetch_add(1) > 0) _exit(kSignalled + signal);
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

}  // namespace rl::app
