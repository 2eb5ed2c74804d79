// A2, A4: strangers try to get in, and to keep others out, beside a run that goes on. None may be
// let in, nothing they say may reach the learner, and an honest worker still joins in time.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <numeric>

#include "rl/transport/keys.h"
#include "rl/transport/worker_endpoint.h"
#include "support/fault_proxy.h"
#include "support/raw_attacker.h"
#include "tests/faults/fault_run.h"

namespace rl::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using transport::Rejection;
using transport::WorkerEventKind;

struct Settings {
  std::uint64_t attempts = 100000;
  std::uint64_t attackers = 2;
  std::uint64_t connections = 10000;
  std::uint64_t flood_seconds = 30;
  std::uint64_t workers = 8;
  std::uint64_t calm_seconds = 10;
  std::uint64_t descriptors = 0;
  std::uint64_t seed = 1;
  bool judge_throughput = false;
  std::string environment = "Paced-5ms-v0";
};

class Strangers {
 public:
  explicit Strangers(const Settings& settings)
      : settings_(settings),
        run_(over_network(settings.workers + 1, settings.environment)) {}

  int run() {
    record();
    for (std::size_t i = 0; i < settings_.workers; ++i)
      run_.start_worker(i, run_.receiver().address());
    report_.require(
        FaultRun::wait_for([&] { return run_.num_present() == settings_.workers; }, seconds(60)),
        text("%zu workers joined", static_cast<std::size_t>(settings_.workers)));
    const double calm = run_.steps_per_second(seconds(settings_.calm_seconds));
    report_.say(text("        undisturbed: %.0f steps/s", calm));
    if (settings_.attempts > 0) attempts(calm);
    if (settings_.connections > 0) flood(calm);
    report_.require(run_.num_lost() == 0, "no worker was lost");
    run_.settle(report_);
    return report_.status();
  }

 private:
  // What an honest worker says to be let in and in its first moments there.
  void record() {
    FaultProxy proxy(run_.port(), {});
    join(proxy.address());
    const auto recording = proxy.recording();
    std::ofstream file(recording_, std::ios::binary);
    file.write(reinterpret_cast<const char*>(recording.data()),
               static_cast<std::streamsize>(recording.size()));
    report_.require(recording.size() > 500,
                    text("an honest visit was recorded: %zu bytes", recording.size()));
  }

  double join(const std::string& address) {
    transport::WorkerOptions options;
    options.connect = address;
    transport::use_keys(options, run_.keys() / "worker-a.key", run_.keys() / "learner.pub");
    const auto begun = FaultRun::Time::now();
    transport::WorkerEndpoint worker(options, {.worker_name = "visitor"});
    worker.connect(seconds(60));
    const double took = seconds_since(begun);
    worker.close(seconds(10));
    return took;
  }

  std::uint64_t num_rejected() {
    const auto counters = run_.receiver().endpoint().counters();
    return std::accumulate(counters.connections_rejected.begin(),
                           counters.connections_rejected.end(), std::uint64_t{0});
  }

  void start_strangers(std::size_t index, const std::string& kind, std::uint64_t count,
                       std::uint64_t time) {
    run_.processes().start(
        1000 + index,
        {RL_FAULT_STRANGER, kind, "--port", std::to_string(run_.port()), "--keys",
         run_.keys().string(), "--recording", recording_.string(), "--count", std::to_string(count),
         "--seconds", std::to_string(time), "--seed", std::to_string(settings_.seed + index)});
  }
  bool strangers_left() {
    for (const Ending& ending : run_.processes().reap()) good_ = good_ && ending.status == 0;
    for (std::size_t i = 0; i < settings_.attackers; ++i) {
      if (run_.processes().is_running(1000 + i)) return false;
    }
    return true;
  }

  void attempts(double calm) {
    const auto before = run_.receiver().endpoint().counters();
    const std::uint64_t rejected = num_rejected();
    const std::uint64_t each = settings_.attempts / settings_.attackers;
    const auto begun = FaultRun::Time::now();
    const std::uint64_t steps = run_.receiver().steps();
    for (std::size_t i = 0; i < settings_.attackers; ++i) start_strangers(i, "attempts", each, 0);
    FaultRun::wait_for([&] { return strangers_left(); }, seconds(36000));
    const double took = seconds_since(begun);
    const double disturbed = static_cast<double>(run_.receiver().steps() - steps) / took;
    FaultRun::wait_for([&] { return num_rejected() - rejected >= each * settings_.attackers; },
                         seconds(10));
    const auto after = run_.receiver().endpoint().counters();
    report_.require(good_, "every stranger was shown the door");
    report_.require(after.connections_let_in == before.connections_let_in,
                    text("%llu attempts in %.1f s, 0 let in",
                         static_cast<unsigned long long>(each * settings_.attackers), took));
    report_.require(num_rejected() - rejected == each * settings_.attackers, "each was counted");
    report_.require(after.hellos_refused == before.hellos_refused &&
                        run_.receiver().num_events(WorkerEventKind::misbehaved) == 0,
                    "0 bytes of theirs reached the protocol");
    say_throughput(disturbed, calm, 0.9);
  }

  void flood(double calm) {
    const auto begun = FaultRun::Time::now();
    const std::uint64_t steps = run_.receiver().steps();
    const PeakMemory peak;
    start_strangers(0, "flood", settings_.connections, settings_.flood_seconds);
    std::vector<double> joins;
    while (seconds_since(begun) < static_cast<double>(settings_.flood_seconds)) {
      std::this_thread::sleep_for(milliseconds(300));
      joins.push_back(join(run_.receiver().address()));
    }
    const double disturbed =
        static_cast<double>(run_.receiver().steps() - steps) / seconds_since(begun);
    report_.require(
        *std::max_element(joins.begin(), joins.end()) < 5.0,
        text("in a flood of %llu connections, silent or slow, %zu honest workers joined, "
             "the slowest in %.2f s (figure: < 5 s)",
             static_cast<unsigned long long>(settings_.connections), joins.size(),
             *std::max_element(joins.begin(), joins.end())));
    report_.require_memory(peak.megabytes() < 64.0, text("memory: %+.1f MB at most", peak.megabytes()));
    const auto rejected = run_.receiver().endpoint().counters().connections_rejected;
    report_.say(text(
        "        crowded out %llu, too slow %llu",
        static_cast<unsigned long long>(rejected[static_cast<std::size_t>(Rejection::crowded_out)]),
        static_cast<unsigned long long>(rejected[static_cast<std::size_t>(Rejection::too_slow)])));
    say_throughput(disturbed, calm, 0.9);
    FaultRun::wait_for([&] { return strangers_left(); }, seconds(60));
  }

  void say_throughput(double disturbed, double calm, double least) {
    const std::string line = text("%.0f steps/s, %+.1f %% (figure: not below -10 %%)", disturbed,
                                  100 * (disturbed / calm - 1));
    settings_.judge_throughput ? report_.require(disturbed >= least * calm, line)
                               : report_.say("        " + line);
  }

  const Settings settings_;
  Report report_;
  FaultRun run_;
  const std::filesystem::path recording_ = run_.folder() / "recording";
  bool good_ = true;
};

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  using namespace rl;
  tests::Settings settings;
  cli::OptionTable table;
  table.add({"attempts", &settings.attempts, "", {.low = 0, .high = 1e9}, "to get in"});
  table.add({"attackers", &settings.attackers, "", {.low = 1, .high = 64}, "processes at it"});
  table.add({"connections", &settings.connections, "", {.low = 0, .high = 1e6}, "of the flood"});
  table.add({"flood", &settings.flood_seconds, "s", {.low = 1, .high = 1e6}, "of it"});
  table.add({"workers", &settings.workers, "", {.low = 1, .high = 4000}, "honest ones"});
  table.add(
      {"calm", &settings.calm_seconds, "s", {.low = 1, .high = 1e6}, "of measurement before"});
  table.add({"descriptors",
             &settings.descriptors,
             "",
             {.low = 0, .high = 1e6},
             "this process may have; 0: as many as it has"});
  table.add({"seed", &settings.seed, "", {.low = 0, .high = 1e18}, "of the noise"});
  table.add({"judge-throughput", &settings.judge_throughput, "", {}, "speed decides as well"});
  table.add({"environment", &settings.environment, "NAME", {}, "Paced-5ms-v0 and so on"});
  return tests::fault_main(argc, argv, std::move(table), "Strangers at the learner's door.", [&] {
    if (settings.descriptors > 0) {
      const rlimit limit{settings.descriptors, settings.descriptors};
      setrlimit(RLIMIT_NOFILE, &limit);
    }
    return tests::Strangers(settings).run();
  });
}
