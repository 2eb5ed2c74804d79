// fault_worker --connect URL --slot K [--ledger FILE] [--retry SECONDS] [--timeout MS] [--keys
// DIR]: what `corral worker` does, with the paced environments, and with an account of every
// fragment.
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "rl/core/error.h"
#include "rl/rollout/worker.h"
#include "rl/transport/keys.h"
#include "rl/transport/worker_endpoint.h"
#include "tests/faults/paced_environment.h"
#include "tests/support/ledger.h"

namespace rl::tests {
namespace {

class Bookkeeper final : public rollout::WorkerObserver {
 public:
  explicit Bookkeeper(const std::string& file) : ledger_(file) {}

  void connected(const transport::Welcome& welcome) override {
    run_ = welcome.run_id;
    worker_ = welcome.worker_id;
  }
  void offering(const Fragment& fragment, std::uint64_t sequence) override {
    ledger_.append({.run = run_,
                    .worker = worker_,
                    .sequence = sequence,
                    .value = fingerprint(fragment),
                    .event = LedgerEvent::offered});
  }
  void disconnected(std::uint64_t last_sequence, std::size_t unacknowledged) override {
    if (unacknowledged > 0) return;
    ledger_.append(
        {.run = run_, .worker = worker_, .sequence = last_sequence, .event = LedgerEvent::closed});
  }

 private:
  LedgerWriter ledger_;
  std::uint64_t run_ = 0;
  std::uint64_t worker_ = 0;
};

int work(int argc, char** argv) {
  rollout::WorkerRunOptions options;
  std::unique_ptr<Bookkeeper> bookkeeper;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--connect") options.transport.connect = value;
    if (name == "--slot") options.slot = std::stoi(value);
    if (name == "--retry") options.retry = std::chrono::seconds(std::stoi(value));
    if (name == "--timeout") {
      options.transport.learner_timeout = std::chrono::milliseconds(std::stoi(value));
    }
    if (name == "--keys") {
      const std::filesystem::path keys = value;
      transport::use_keys(options.transport, keys / "worker-a.key", keys / "learner.pub");
    }
    if (name == "--ledger") bookkeeper = std::make_unique<Bookkeeper>(value);
  }
  options.name = "worker-" + std::to_string(options.slot);
  options.observer = bookkeeper.get();
  const std::atomic<bool> never{false};
  rollout::run_worker(options, paced_environments(), never, [](const std::string&) {});
  return 0;
}

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody is left behind by a test that is killed
  try {
    return rl::tests::work(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fault_worker: %s\n", error.what());
    return 1;
  }
}
