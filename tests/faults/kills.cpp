// F1: worker processes are killed at random moments, again and again, and started again. The ledger
// must balance to the last fragment, whatever died.
#include <csignal>
#include <set>
#include <thread>

#include "rl/core/rng.h"
#include "tests/faults/fault_run.h"

namespace rl::tests {
namespace {

using Time = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Settings {
  std::uint64_t workers = 64;
  std::uint64_t seconds = 600;
  std::uint64_t most_at_once = 8;
  std::uint64_t every_ms = 50;
  std::uint64_t seed = 1;
  std::uint64_t calm_seconds = 10;
  bool judge_throughput = false;
  std::string environment = "Paced-5ms-v0";
  std::string bind{};
};

class Kills {
 public:
  explicit Kills(const Settings& settings)
      : settings_(settings),
        random_(settings.seed, RngRole::test, 0),
        run_({.workers = static_cast<std::size_t>(settings.workers),
              .bind = settings.bind,
              .environment = settings.environment}) {}

  int run() {
    run_.start_workers();
    wait_until_steady();
    const double calm = throughput(seconds(settings_.calm_seconds));
    report_.say(text("undisturbed: %.0f steps/s from %zu workers", calm,
                     static_cast<std::size_t>(settings_.workers)));
    kill_for(seconds(settings_.seconds), calm);
    recover(calm);
    settle();
    return report_.status();
  }

 private:
  // Starts again what was killed; anything else that ended is a defect.
  void replace_the_dead() {
    for (const Ending& ending : run_.processes().reap()) {
      if (killed_.erase(ending.index) == 0) ++surprises_;
      run_.start_worker(ending.index);
    }
  }

  void wait_until_steady() {
    const auto end = Time::now() + seconds(60);
    while (run_.receiver().endpoint().workers().size() < settings_.workers && Time::now() < end) {
      replace_the_dead();
      std::this_thread::sleep_for(milliseconds(20));
    }
  }

  double throughput(milliseconds window) {
    const auto begun = Time::now();
    const std::uint64_t before = run_.receiver().steps();
    while (Time::now() - begun < window) {
      replace_the_dead();
      std::this_thread::sleep_for(milliseconds(5));
    }
    const std::chrono::duration<double> took = Time::now() - begun;
    return static_cast<double>(run_.receiver().steps() - before) / took.count();
  }

  void kill_for(seconds how_long, double calm) {
    const auto begun = Time::now();
    const std::uint64_t before = run_.receiver().steps();
    auto next = begun;
    while (Time::now() - begun < how_long) {
      replace_the_dead();
      if (Time::now() < next) {
        std::this_thread::sleep_for(milliseconds(1));
        continue;
      }
      next += milliseconds(settings_.every_ms);
      const std::uint64_t victims = 1 + random_.below(settings_.most_at_once);
      for (std::uint64_t i = 0; i < victims; ++i) kill_one(random_.below(settings_.workers));
      if (kills_ % 64 == 0) run_.receiver().publish();
    }
    const std::chrono::duration<double> took = Time::now() - begun;
    const double disturbed = static_cast<double>(run_.receiver().steps() - before) / took.count();
    report_.say(text("%zu kills in %.0f s (%.1f/s)", kills_, took.count(),
                     static_cast<double>(kills_) / took.count()));
    judge(disturbed >= 0.5 * calm,
          text("while killing: %.0f steps/s, %.0f %% of undisturbed (figure: >= 50 %%)", disturbed,
               100 * disturbed / calm));
  }

  void kill_one(std::size_t index) {
    if (!run_.processes().is_running(index) || killed_.contains(index)) return;
    run_.processes().signal(index, SIGKILL);
    killed_.insert(index);
    ++kills_;
  }

  // How long until a window of one second has 95 % again.
  void recover(double calm) {
    const auto begun = Time::now();
    double rate = 0;
    while (rate < 0.95 * calm && Time::now() - begun < seconds(30)) rate = throughput(seconds(1));
    const std::chrono::duration<double> took = Time::now() - begun;
    judge(took.count() <= 5.0 && rate >= 0.95 * calm,
          text("after the last kill: %.0f %% within %.1f s (figure: 95 %% within 5 s)",
               100 * rate / calm, took.count()));
  }

  void settle() {
    const LedgerBalance result = run_.settle(report_);
    report_.require(surprises_ == 0, text("no worker ended by itself (%zu)", surprises_));
    report_.say(text("second copies on the wire, dropped: %zu",
                     static_cast<std::size_t>(run_.receiver().endpoint().counters().dropped[0])));
    report_.require(result.stays > settings_.workers, "there was something to lose");
  }

  void judge(bool met, const std::string& line) {
    settings_.judge_throughput ? report_.require(met, line) : report_.say("        " + line);
  }

  const Settings settings_;
  RngStream random_;
  Report report_;
  FaultRun run_;
  std::set<std::size_t> killed_;  // and not yet reaped
  std::size_t kills_ = 0;
  std::size_t surprises_ = 0;
};

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  using namespace rl;
  tests::Settings settings;
  cli::OptionTable table;
  table.add({"workers", &settings.workers, "", {.low = 1, .high = 4096}, "processes"});
  table.add({"seconds", &settings.seconds, "s", {.low = 1, .high = 1e6}, "of killing"});
  table.add({"at-once", &settings.most_at_once, "", {.low = 1, .high = 4096}, "killed at most"});
  table.add({"every", &settings.every_ms, "ms", {.low = 1, .high = 1e6}, "between kills"});
  table.add({"seed", &settings.seed, "", {}, "of who is killed when"});
  table.add({"calm",
             &settings.calm_seconds,
             "s",
             {.low = 1, .high = 1e6},
             "of measuring before the first kill"});
  table.add({"judge-throughput", &settings.judge_throughput, "", {}, "speed decides as well"});
  table.add({"environment", &settings.environment, "NAME", {}, "Paced-1ms-v0 and so on"});
  table.add({"bind", &settings.bind, "URL", {}, "where the receiver listens"});
  return tests::fault_main(argc, argv, std::move(table), "Kills workers and audits what arrived.",
                           [&] { return tests::Kills(settings).run(); });
}
