// F9: a quarter of the workers is stopped in its tracks (SIGSTOP) and later woken. The others must
// not notice, the stuck ones lose their places in a set time, and the receiver holds nothing for
// them.
#include <unistd.h>

#include <array>
#include <csignal>
#include <filesystem>
#include <thread>

#include "tests/faults/processes.h"
#include "tests/faults/receiver.h"
#include "tests/faults/report.h"
#include "tests/support/temporary_folder.h"

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
        files_{folder_.path() / "workers.ledger", folder_.path() / "receiver.ledger"},
        receiver_(ReceiverOptions{.bind = "ipc://@corral-stuck-" + std::to_string(getpid()),
                                  .environment = settings.environment,
                                  .slots = static_cast<std::uint32_t>(settings.workers),
                                  .ledger = files_[1],
                                  .worker_timeout = milliseconds(settings.timeout_ms)}) {}

  int run() {
    for (std::size_t i = 0; i < settings_.workers; ++i) {
      processes_.start(i, {RL_FAULT_WORKER, "--connect", receiver_.address(), "--slot",
                           std::to_string(i), "--ledger", files_[0].string()});
    }
    report_.require(wait_for([&] { return num_present() == settings_.workers; }, seconds(60)),
                    text("%zu workers joined", static_cast<std::size_t>(settings_.workers)));
    others();  // which slots stay awake
    const double calm = throughput_of_others();
    for (std::size_t i = 0; i < num_stuck_; ++i) processes_.signal(i, SIGSTOP);
    stuck(calm);
    for (std::size_t i = 0; i < num_stuck_; ++i) processes_.signal(i, SIGCONT);
    report_.require(wait_for([&] { return num_present() == settings_.workers; }, seconds(60)),
                    "woken again, all of them came back by themselves");
    settle();
    return report_.status();
  }

 private:
  template <class Condition>
  bool wait_for(Condition condition, seconds most) {
    const auto end = Time::now() + most;
    while (!condition()) {
      if (Time::now() >= end) return false;
      std::this_thread::sleep_for(milliseconds(20));
    }
    return true;
  }

  std::size_t num_present() { return receiver_.endpoint().workers().size(); }
  std::size_t num_lost() const { return receiver_.num_events(WorkerEventKind::lost); }

  // A worker's slot may be another than the one it wished for: ask by name.
  void others() {
    for (const auto& worker : receiver_.endpoint().workers()) {
      const auto index = std::stoul(worker.name.substr(worker.name.find('-') + 1));
      if (index >= num_stuck_) awake_.push_back(worker.slot);
    }
  }

  double throughput_of_others() {
    const auto steps = [&] {
      std::uint64_t sum = 0;
      for (const std::uint32_t slot : awake_) sum += receiver_.steps_of(slot);
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
    const auto evicted = [&] { return num_lost() >= num_stuck_; };
    const bool all = wait_for(evicted, seconds(settings_.timeout_ms / 1000 + 30));
    report_.require(all && num_lost() == num_stuck_,
                    text("all %zu stuck ones, and no other, lost their places after %.1f s "
                         "(time-out %.1f s)",
                         num_stuck_, elapsed(), static_cast<double>(settings_.timeout_ms) / 1000));
    while (elapsed() < static_cast<double>(settings_.stuck_seconds)) {
      std::this_thread::sleep_for(milliseconds(50));
      if (static_cast<int>(elapsed() * 20) % 2 == 0) receiver_.publish();  // nobody may block this
    }
    const double grown =
        (static_cast<double>(footprint(getpid()).resident_bytes) - static_cast<double>(bytes)) /
        1e6;
    report_.require(grown < 8.0,
                    text("the receiver's memory: %+.2f MB in %.0f s", grown, elapsed()));
  }

  void settle() {
    report_.require(receiver_.finish(seconds(30)) && processes_.wait_all(seconds(10)),
                    "every worker left in order, no process was left behind");
    const LedgerBalance result = balance(read_ledger(files_));
    report_.require(result.violations == 0 && result.consumed > 0, result.to_text());
  }

  const Settings settings_;
  const std::size_t num_stuck_;
  Report report_;
  const TemporaryFolder folder_;
  const std::array<std::filesystem::path, 2> files_;
  Receiver receiver_;
  Processes processes_;
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
