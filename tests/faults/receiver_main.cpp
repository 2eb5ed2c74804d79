// fault_receiver --bind URL --run N --slots K --ledger FILE --joins FILE: a receiver in a process
// of its own, there to be killed. Ends in order on SIGTERM. Notes into --joins, for every worker
// that joined, how many milliseconds after its own start that was.
#include <sys/prctl.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#include "tests/faults/receiver.h"

namespace rl::tests {
namespace {

volatile std::sig_atomic_t asked_to_stop = 0;

int receive(int argc, char** argv) {
  using Time = std::chrono::steady_clock;
  const auto begun = Time::now();
  ReceiverOptions options;
  std::ofstream joins;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--bind") options.bind = value;
    if (name == "--run") options.run_id = std::stoull(value);
    if (name == "--slots") options.slots = static_cast<std::uint32_t>(std::stoul(value));
    if (name == "--ledger") options.ledger = value;
    if (name == "--joins") joins.open(value, std::ios::app);
  }
  Receiver receiver(options);
  std::set<std::uint64_t> seen;
  while (asked_to_stop == 0) {
    for (const auto& worker : receiver.endpoint().workers()) {
      if (!seen.insert(worker.worker_id).second) continue;
      joins << std::chrono::duration<double, std::milli>(Time::now() - begun).count() << std::endl;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return receiver.finish(std::chrono::seconds(30)) ? 0 : 1;
}

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody is left behind by a test that is killed
  std::signal(SIGTERM, [](int) { rl::tests::asked_to_stop = 1; });
  try {
    return rl::tests::receive(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fault_receiver: %s\n", error.what());
    return 1;
  }
}
