// A3: giant and endless messages, with and without a key. The learner's memory stays bounded, the
// honest workers go on, and the guilty key is named.
#include <algorithm>

#include "rl/transport/keys.h"
#include "tests/faults/fault_run.h"

namespace rl::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using transport::Rejection;
using transport::WorkerEventKind;

struct Settings {
  std::uint64_t seconds = 20;
  std::uint64_t connections = 100;
  std::uint64_t workers = 8;
  std::string environment = "Paced-5ms-v0";
};

struct Attack {
  const char* name;
  const char* kind;
  std::size_t part;
  bool has_key;
};

constexpr double kMostMegabytes = 256.0;
constexpr double kMostSeconds = 5.0;

class Giants {
 public:
  explicit Giants(const Settings& settings)
      : settings_(settings),
        run_(over_network(settings.workers, settings.environment)) {}

  int run() {
    run_.start_workers(run_.receiver().address());
    report_.require(run_.all_present(seconds(60)), "the workers joined");
    const double calm = run_.steps_per_second(seconds(3));
    for (const Attack& attack : {Attack{"a megabyte before login", "pinned", 0, false},
                                 Attack{"giant frames", "giant", 0, true},
                                 Attack{"endless parts of 1 MiB", "endless", 1 << 20, true},
                                 Attack{"endless parts of 1 byte", "endless", 1, true},
                                 Attack{"endless parts of 1000 bytes", "endless", 1000, true}}) {
      suffer(attack, calm);
    }
    report_.require(run_.num_lost() == 0, "no honest worker was lost");
    run_.settle(report_);
    return report_.status();
  }

 private:
  void suffer(const Attack& attack, double calm) {
    report_.say(std::string("        ") + attack.name);
    run_.receiver().take_complaints();
    const std::string guilty_key = new_key(attack.name);
    double peak = 0.0;
    double longest = 0.0;
    const std::uint64_t steps = run_.receiver().steps();
    const auto begun = FaultRun::Time::now();
    {
      const PeakMemory memory;
      run_.processes().start(
          1000, {RL_FAULT_STRANGER, attack.kind, "--port", std::to_string(run_.port()), "--keys",
                 run_.keys().string(), "--worker", worker_, "--count",
                 std::to_string(settings_.connections), "--part", std::to_string(attack.part),
                 "--seconds", std::to_string(settings_.seconds)});
      longest = longest_pause();
      peak = memory.megabytes();
    }
    const double disturbed =
        static_cast<double>(run_.receiver().steps() - steps) / seconds_since(begun);
    report_.require_memory(peak < kMostMegabytes,
                    text("memory: %+.1f MB at most (figure: < %.0f MB)", peak, kMostMegabytes));
    report_.require(longest < kMostSeconds,
                    text("the longest time without a step of one of the workers: %.2f s (figure: "
                         "< %.0f s)",
                         longest, kMostSeconds));
    report_.say(text("        %.0f steps/s, undisturbed %.0f", disturbed, calm));
    if (!attack.has_key) return;
    const auto complaints = run_.receiver().take_complaints();
    const auto named = std::count_if(complaints.begin(), complaints.end(), [&](const auto& one) {
      return one.find(guilty_key) != std::string::npos;
    });
    report_.require(named > 0, complaints.empty() ? "nobody was named" : complaints.front());
    report_.require(named == static_cast<std::ptrdiff_t>(complaints.size()), "nobody else was");
  }

  // The public key of a worker that is put on the list now: the one before may be banned.
  std::string new_key(std::string name) {
    std::replace(name.begin(), name.end(), ' ', '-');
    worker_ = name;
    transport::make_keys(run_.keys(), worker_);
    transport::WorkerOptions options;
    transport::use_keys(options, run_.keys() / ("worker-" + worker_ + ".key"),
                        run_.keys() / "learner.pub");
    return options.keys.public_key;
  }

  // Of any worker, while the stranger is at it and a little longer.
  double longest_pause() {
    const auto now = FaultRun::Time::now();
    std::vector<std::uint64_t> steps(settings_.workers);
    std::vector<FaultRun::Time::time_point> last(settings_.workers, now);
    double longest = 0.0;
    auto over = FaultRun::Time::time_point::max();
    while (FaultRun::Time::now() < over) {
      for (std::uint32_t slot = 0; slot < settings_.workers; ++slot) {
        longest = std::max(longest, seconds_since(last[slot]));
        const std::uint64_t made = run_.receiver().steps_of(slot);
        if (made != steps[slot]) last[slot] = FaultRun::Time::now();
        steps[slot] = made;
      }
      run_.processes().reap();
      if (!run_.processes().is_running(1000) && over == FaultRun::Time::time_point::max()) {
        over = FaultRun::Time::now() + seconds(2);
      }
      std::this_thread::sleep_for(milliseconds(5));
    }
    return longest;
  }

  const Settings settings_;
  Report report_;
  FaultRun run_;
  std::string worker_{};
};

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  using namespace rl;
  tests::Settings settings;
  cli::OptionTable table;
  table.add({"seconds", &settings.seconds, "s", {.low = 1, .high = 1e6}, "of each attack"});
  table.add({"connections", &settings.connections, "", {.low = 1, .high = 500}, "at once"});
  table.add({"workers", &settings.workers, "", {.low = 1, .high = 4000}, "honest ones"});
  table.add({"environment", &settings.environment, "NAME", {}, "Paced-5ms-v0 and so on"});
  return tests::fault_main(argc, argv, std::move(table), "Giant and endless messages.",
                           [&] { return tests::Giants(settings).run(); });
}
