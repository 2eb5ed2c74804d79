// F9: a quarter of the workers is stopped in its tracks (SIGSTOP) and later woken. The others must
// not notice, the stuck ones lose their places in a set time, and the receiver holds nothing for
// them.
#include <unistd.h>

#include <csignal>
#include <thread>

#include "tests/faults/fault_run.h"

namespace rl::tests {
namespace {

using Time = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;
using transport::WorkerEventKind;

struct Settings {
  std::uint64_t workers = 64;
  std::uint64_t stuck_seconds = 30;
  std::uint64_t calm_seconds = 10;
  std::uint64_t timeout_ms = 10000;
  bool judge_throughput = false;
  std::string environment = "Paced-5ms-v0";
};

class Stuck {
 public:
  explicit Stuck(const Settings& settings)
      : settings_(settings),
        num_stuck_(settings.workers / 4),
        run_({.workers = static_cast<std::size_t>(settings.workers),
              .environment = settings.environment,
              .worker_timeout = milliseconds(settings.timeout_ms)}) {}

  int run() {
    run_.start_workers();
    report_.require(run_.all_present(seconds(60)),
                    text("%zu workers joined", static_cast<std::size_t>(settings_.workers)));
    others();  // which slots stay awake
    const double calm = throughput_of_others();
    for (std::size_t i = 0; i < num_stuck_; ++i) run_.processes().signal(i, SIGSTOP);
    stuck(calm);
    for (std::size_t i = 0; i < num_stuck_; ++i) run_.processes().signal(i, SIGCONT);
    report_.require(run_.all_present(seconds(60)),
                    "woken again, all of them came back by themselves");
    run_.settle(report_);
    return report_.status();
  }

 private:
  // A worker's slot may be another than the one it wished for: ask by name.
  void others() {
    for (const auto& worker : run_.receiver().endpoint().workers()) {
      const auto index = std::stoul(worker.name.substr(worker.name.find('-') + 1));
      if (index >= num_stuck_) awake_.push_back(worker.slot);
    }
  }

  double throughput_of_others() {
    const auto steps = [&] {
      std::uint64_t sum = 0;
      for (const std::uint32_t slot : awake_) sum += run_.receiver().steps_of(slot);
      return sum;
    };
    const auto begun = Time::now();
    const std::uint64_t before = steps();
    std::this_thread::sleep_for(seconds(settings_.calm_seconds));
    const std::chrono::duration<double> took = Time::now() - begun;
    return static_cast<double>(steps() - before) / took.count();
  }

  void stuck(double calm) {
    const auto begun = Time::now();
    const auto elapsed = [&] { return std::chrono::duration<double>(Time::now() - begun).count(); };
    const std::size_t bytes = footprint(getpid()).resident_bytes;
    const double disturbed = throughput_of_others();
    const std::string line =
        text("the others made %.0f steps/s, %+.1f %% (figure: not below -5 %%)", disturbed,
             100 * (disturbed / calm - 1));
    settings_.judge_throughput ? report_.require(disturbed >= 0.95 * calm, line)
                               : report_.say("        " + line);
    const auto evicted = [&] { return run_.num_lost() >= num_stuck_; };
    const bool all = FaultRun::wait_for(evicted, seconds(settings_.timeout_ms / 1000 + 30));
    report_.require(all && run_.num_lost() == num_stuck_,
                    text("all %zu stuck ones, and no other, lost their places after %.1f s "
                         "(time-out %.1f s)",
                         num_stuck_, elapsed(), static_cast<double>(settings_.timeout_ms) / 1000));
    while (elapsed() < static_cast<double>(settings_.stuck_seconds)) {
      std::this_thread::sleep_for(milliseconds(50));
      if (static_cast<int>(elapsed() * 20) % 2 == 0) run_.receiver().publish();  // nobody may block this
    }
    const double grown =
        (static_cast<double>(footprint(getpid()).resident_bytes) - static_cast<double>(bytes)) /
        1e6;
    report_.require_memory(grown < 8.0,
                    text("the receiver's memory: %+.2f MB in %.0f s", grown, elapsed()));
  }

  const Settings settings_;
  const std::size_t num_stuck_;
  Report report_;
  FaultRun run_;
  std::vector<std::uint32_t> awake_;
};

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  using namespace rl;
  tests::Settings settings;
  cli::OptionTable table;
  table.add({"workers", &settings.workers, "", {.low = 4, .high = 4096}, "processes"});
  table.add({"stuck", &settings.stuck_seconds, "s", {.low = 1, .high = 1e6}, "of being stuck"});
  table.add({"calm", &settings.calm_seconds, "s", {.low = 1, .high = 1e6}, "of each measurement"});
  table.add({"timeout",
             &settings.timeout_ms,
             "ms",
             {.low = 2000, .high = 1e6},
             "until a silent worker counts as lost"});
  table.add({"judge-throughput", &settings.judge_throughput, "", {}, "speed decides as well"});
  table.add({"environment", &settings.environment, "NAME", {}, "Paced-5ms-v0 and so on"});
  return tests::fault_main(argc, argv, std::move(table),
                           "Stops a quarter of the workers for a while.",
                           [&] { return tests::Stuck(settings).run(); });
}
