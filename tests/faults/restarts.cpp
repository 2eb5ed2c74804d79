// F2: the receiver, with inbox and replay table, is killed and started again. Workers must find the
// new one by themselves, and the ledger must show what died with the old one, and nothing else.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <thread>

#include "rl/core/rng.h"
#include "tests/faults/processes.h"
#include "tests/faults/report.h"
#include "tests/support/ledger.h"
#include "tests/support/temporary_folder.h"

namespace rl::tests {
namespace {

using Time = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Settings {
  std::uint64_t workers = 16;
  std::uint64_t kills = 200;
  std::uint64_t every_ms = 5000;
  std::uint64_t seed = 1;
  bool judge_speed = false;
};

class Restarts {
 public:
  explicit Restarts(const Settings& settings)
      : settings_(settings),
        random_(settings.seed, RngRole::test, 0),
        address_("ipc://@corral-restarts-" + std::to_string(getpid())),
        files_{folder_.path() / "workers.ledger", folder_.path() / "receiver.ledger"},
        joins_(folder_.path() / "joins") {}

  int run() {
    start_receiver();
    for (std::size_t i = 0; i < settings_.workers; ++i) {
      workers_.start(i, {RL_FAULT_WORKER, "--connect", address_, "--slot", std::to_string(i),
                         "--ledger", files_[0].string(), "--retry", "60"});
    }
    for (std::uint64_t i = 0; i < settings_.kills; ++i) {
      std::this_thread::sleep_for(
          milliseconds(settings_.every_ms / 2 + random_.below(settings_.every_ms)));
      receiver_.signal(0, SIGKILL);
      receiver_.wait_all(seconds(10));
      start_receiver();
    }
    std::this_thread::sleep_for(seconds(5));
    settle();
    return report_.status();
  }

 private:
  void start_receiver() {
    receiver_.start(0, {RL_FAULT_RECEIVER, "--bind", address_, "--run", std::to_string(++runs_),
                        "--slots", std::to_string(settings_.workers), "--ledger",
                        files_[1].string(), "--joins", joins_.string()});
  }

  void settle() {
    receiver_.signal(0, SIGTERM);
    std::vector<Ending> endings;
    report_.require(receiver_.wait_all(seconds(60), &endings) && endings.front().status == 0,
                    "the last receiver parted from all its workers in order");
    report_.require(workers_.wait_all(seconds(10), &endings) &&
                        std::all_of(endings.begin(), endings.end(),
                                    [](const Ending& one) { return one.status == 0; }),
                    "no worker gave up, none was left behind");
    report_joins();
    const LedgerBalance result = balance(read_ledger(files_));
    report_.require(result.violations == 0 && result.consumed > 0, result.to_text());
  }

  // Of all but the first receiver, whose workers start with it.
  void report_joins() {
    std::vector<double> times;
    std::ifstream file(joins_);
    for (double one = 0; file >> one;) times.push_back(one);
    report_.require(times.size() >= (settings_.kills + 1) * settings_.workers,
                    text("%zu kills of the receiver, %zu workers: %zu times one joined",
                         static_cast<std::size_t>(settings_.kills),
                         static_cast<std::size_t>(settings_.workers), times.size()));
    std::sort(times.begin(), times.end());
    const double p99 = times.empty() ? 0 : times[(times.size() - 1) * 99 / 100];
    const std::string line = text(
        "joined after a receiver's start: median %.0f ms, p99 %.0f ms "
        "(figure: p99 < 2 s)",
        times.empty() ? 0 : times[times.size() / 2], p99);
    settings_.judge_speed ? report_.require(p99 < 2000, line) : report_.say("        " + line);
  }

  const Settings settings_;
  RngStream random_;
  Report report_;
  const std::string address_;
  const TemporaryFolder folder_;
  const std::array<std::filesystem::path, 2> files_;
  const std::filesystem::path joins_;
  Processes receiver_;
  Processes workers_;
  std::uint64_t runs_ = 0;
};

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  using namespace rl;
  tests::Settings settings;
  cli::OptionTable table;
  table.add({"workers", &settings.workers, "", {.low = 1, .high = 4096}, "processes"});
  table.add({"kills", &settings.kills, "", {.low = 1, .high = 1e6}, "of the receiver"});
  table.add({"every", &settings.every_ms, "ms", {.low = 2, .high = 1e6}, "between kills, about"});
  table.add({"seed", &settings.seed, "", {}, "of when it is killed"});
  table.add({"judge-speed", &settings.judge_speed, "", {}, "the times decide as well"});
  return tests::fault_main(argc, argv, std::move(table), "Kills the receiver again and again.",
                           [&] { return tests::Restarts(settings).run(); });
}
