// F8: delay, jitter, low rates, flipped bits, cuts, silence and resets between workers and the
// receiver. The ledger stays exact and the memory bounded; no flipped bit is taken for data.
#include "support/fault_proxy.h"
#include "tests/faults/fault_run.h"

namespace rl::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Settings {
  std::uint64_t seconds = 60;
  std::uint64_t workers = 8;
  std::uint64_t seed = 1;
  std::string environment = "Paced-1ms-v0";
};

struct Weather {
  const char* name;
  FaultProxyOptions options;
  bool stops = false;  // pauses of a second, half-open connections and resets on the way
  bool with_keys = true;
};

class BadNetwork {
 public:
  explicit BadNetwork(const Settings& settings) : settings_(settings) {}

  int run() {
    for (const Weather& weather :
         {Weather{"5 ms and up to 5 more", {.delay = milliseconds(5), .jitter = milliseconds(5)}},
          Weather{"500 ms and up to 100 more",
                  {.delay = milliseconds(500), .jitter = milliseconds(100)}},
          Weather{"40 kbit/s a connection", {.bytes_per_second = 5e3}},
          Weather{"a bit in 10 kB flipped, encrypted", {.flips_per_byte = 1e-4}},
          Weather{"a bit in 10 kB flipped, in the clear", {.flips_per_byte = 1e-4}, false, false},
          Weather{"cut every 20 kB", {.bytes_until_cut = 20e3}},
          Weather{"reset every 20 kB", {.bytes_until_cut = 20e3, .cut_by_reset = true}},
          Weather{"pauses, half-open connections, resets", {.delay = milliseconds(1)}, true}}) {
      live_through(weather);
    }
    return report_.status();
  }

 private:
  void live_through(const Weather& weather) {
    report_.say(std::string("        ") + weather.name);
    FaultRunOptions options =
        over_network(settings_.workers, settings_.environment, milliseconds(5000));
    options.with_keys = weather.with_keys;
    FaultRun run(options);
    FaultProxy proxy(run.port(), weather.options, settings_.seed);
    run.start_workers(proxy.address());
    report_.require(run.all_present(seconds(60)), "the workers joined");
    const PeakMemory memory;
    RngStream random(settings_.seed, RngRole::test, 1);
    const auto begun = FaultRun::Time::now();
    while (seconds_since(begun) < static_cast<double>(settings_.seconds)) {
      std::this_thread::sleep_for(milliseconds(50));
      if (weather.stops && random.below(40) == 0) stop_something(proxy, random.below(3));
    }
    const auto counters = proxy.counters();
    report_.say(
        text("        %.1f MB relayed over %llu connections, %llu bits flipped, %llu cuts; "
             "%llu workers lost for a while; memory %+.1f MB",
             static_cast<double>(counters.bytes) / 1e6,
             static_cast<unsigned long long>(counters.connections),
             static_cast<unsigned long long>(counters.flips),
             static_cast<unsigned long long>(counters.cuts),
             static_cast<unsigned long long>(run.num_lost()), memory.megabytes()));
    report_.require_memory(memory.megabytes() < 64.0, "memory stayed bounded");
    if (weather.options.flips_per_byte > 0.0) report_.require(counters.flips > 0, "bits flipped");
    if (weather.options.bytes_until_cut > 0.0) report_.require(counters.cuts > 0, "cuts were made");
    proxy.set({});  // for the farewell
    report_.require(run.all_present(seconds(60)), "all workers are there again");
    run.settle(report_);
  }

  static void stop_something(FaultProxy& proxy, std::uint64_t what) {
    if (what == 0) {
      proxy.pause(true);
      std::this_thread::sleep_for(seconds(1));
      proxy.pause(false);
    } else if (what == 1) {
      proxy.half_open();
    } else {
      proxy.reset_all();
    }
  }

  const Settings settings_;
  Report report_;
};

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  using namespace rl;
  tests::Settings settings;
  cli::OptionTable table;
  table.add({"seconds", &settings.seconds, "s", {.low = 1, .high = 1e6}, "of each weather"});
  table.add({"workers", &settings.workers, "", {.low = 1, .high = 4000}, "processes"});
  table.add({"seed", &settings.seed, "", {.low = 0, .high = 1e18}, "of the weather"});
  table.add({"environment", &settings.environment, "NAME", {}, "Paced-1ms-v0 and so on"});
  return tests::fault_main(argc, argv, std::move(table), "Workers behind a bad network.",
                           [&] { return tests::BadNetwork(settings).run(); });
}
