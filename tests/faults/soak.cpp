// S2: an hour in which workers come and go and weights change many times a second. Memory,
// descriptors and threads of the receiver must stay what they were.
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "rl/core/rng.h"
#include "tests/faults/fault_run.h"

namespace rl::tests {
namespace {

using Time = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kKilled = 128 + SIGKILL;

struct Settings {
  std::uint64_t workers = 30;
  std::uint64_t seconds = 3600;
  std::uint64_t warm_up = 600;
  double churn = 1.0;       // workers ended and started again per second
  double publishes = 10.0;  // per second
  std::uint64_t seed = 1;
  std::string environment = "Paced-100ms-v0";
};

struct Sample {
  double hours = 0;
  Footprint footprint{};
};

// Slope of a line through the samples by least squares, per hour.
template <class Value>
double slope(const std::vector<Sample>& samples, Value value) {
  double mean_x = 0;
  double mean_y = 0;
  for (const Sample& s : samples) {
    mean_x += s.hours / static_cast<double>(samples.size());
    mean_y += value(s) / static_cast<double>(samples.size());
  }
  double above = 0;
  double below = 0;
  for (const Sample& s : samples) {
    above += (s.hours - mean_x) * (value(s) - mean_y);
    below += (s.hours - mean_x) * (s.hours - mean_x);
  }
  return below > 0 ? above / below : 0;
}

double megabytes(const Sample& sample) {
  return static_cast<double>(sample.footprint.resident_bytes) / 1e6;
}
double descriptors(const Sample& sample) {
  return static_cast<double>(sample.footprint.descriptors);
}

class Soak {
 public:
  explicit Soak(const Settings& settings)
      : settings_(settings),
        random_(settings.seed, RngRole::test, 0),
        run_({.workers = static_cast<std::size_t>(settings.workers),
              .environment = settings.environment}) {}

  int run() {
    run_.start_workers();
    live();
    judge();
    settle();
    return report_.status();
  }

 private:
  static milliseconds every(double per_second) {
    return milliseconds(static_cast<std::int64_t>(1000.0 / per_second));
  }

  void live() {
    const auto begun = Time::now();
    auto next_end = begun;
    auto next_weights = begun;
    auto next_sample = begun;
    const auto sample_every = std::max(milliseconds(1000), milliseconds(settings_.seconds));
    while (Time::now() - begun < seconds(settings_.seconds)) {
      for (const Ending& ending : run_.processes().reap()) {
        surprises_ += ending.status == kKilled ? 0U : 1U;
        run_.start_worker(ending.index);
      }
      const auto now = Time::now();
      if (now >= next_end) {
        run_.processes().signal(random_.below(settings_.workers), SIGKILL);
        next_end += every(settings_.churn);
        ++ended_;
      }
      if (now >= next_weights) {
        run_.receiver().publish();
        next_weights += every(settings_.publishes);
      }
      if (now >= next_sample) {
        next_sample += sample_every;
        sample(std::chrono::duration<double>(now - begun).count());
      }
      std::this_thread::sleep_for(milliseconds(20));
    }
  }

  void sample(double at_seconds) {
    const Sample one{at_seconds / 3600.0, footprint(getpid())};
    if (at_seconds >= static_cast<double>(settings_.warm_up)) samples_.push_back(one);
    if (lines_++ % 10 != 0) return;
    report_.say(
        text("%7.0f s  %6.2f MB  %3zu descriptors  %2zu threads  %5.1f s of CPU  "
             "%zu workers, %zu ended, version %zu, %zu steps",
             at_seconds, megabytes(one), one.footprint.descriptors, one.footprint.threads,
             one.footprint.cpu_seconds, run_.receiver().endpoint().workers().size(), ended_,
             static_cast<std::size_t>(run_.receiver().version()),
             static_cast<std::size_t>(run_.receiver().steps())));
  }

  void judge() {
    const double growth = slope(samples_, megabytes);
    // A short run's slope is dominated by the first pages of what is bounded: it may show no more
    // than a leak of some kilobytes per worker would.
    const bool whole = settings_.seconds >= 3600;
    const double last = megabytes(samples_.back()) - megabytes(samples_.front());
    report_.require_memory(whole ? growth < 1.0 : last < 4.0,
                    text("memory: %+.3f MB per hour by least squares over %zu samples, %+.2f MB in "
                         "all (figure: < 1 MB per hour over an hour)",
                         growth, samples_.size(), last));
    const auto [least, most] = std::minmax_element(
        samples_.begin(), samples_.end(),
        [](const Sample& a, const Sample& b) { return descriptors(a) < descriptors(b); });
    report_.require(
        std::abs(slope(samples_, descriptors)) * samples_.back().hours < 5.0 &&
            most->footprint.descriptors <= 40 + 2 * settings_.workers,
        text("descriptors: %zu to %zu, trend %+.2f per hour", least->footprint.descriptors,
             most->footprint.descriptors, slope(samples_, descriptors)));
    const bool threads = std::all_of(samples_.begin(), samples_.end(), [&](const Sample& s) {
      return s.footprint.threads == samples_.front().footprint.threads;
    });
    report_.require(threads, text("threads: always %zu", samples_.front().footprint.threads));
  }

  void settle() {
    run_.settle(report_);
    report_.require(surprises_ == 0, text("no worker ended by itself (%zu)", surprises_));
  }

  const Settings settings_;
  RngStream random_;
  Report report_;
  FaultRun run_;
  std::vector<Sample> samples_;
  std::size_t lines_ = 0;
  std::size_t ended_ = 0;
  std::size_t surprises_ = 0;  // that ended without being asked to
};

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  using namespace rl;
  tests::Settings settings;
  cli::OptionTable table;
  table.add({"workers", &settings.workers, "", {.low = 1, .high = 4096}, "processes"});
  table.add({"seconds", &settings.seconds, "s", {.low = 1, .high = 1e7}, "to live"});
  table.add({"warm-up", &settings.warm_up, "s", {}, "at the start that are not judged"});
  table.add({"churn", &settings.churn, "1/s", {.low = 0.001, .high = 50}, "workers ended"});
  table.add({"publishes", &settings.publishes, "1/s", {.low = 0.001, .high = 50}, "of weights"});
  table.add({"seed", &settings.seed, "", {}, "of who ends when"});
  table.add({"environment", &settings.environment, "NAME", {}, "Paced-100ms-v0 and so on"});
  return tests::fault_main(argc, argv, std::move(table),
                           "Lives with workers that come and go, and watches its own memory.",
                           [&] { return tests::Soak(settings).run(); });
}
