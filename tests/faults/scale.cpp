// F11: thousands of `corral worker` processes on one host register with one receiver, idle, and
// leave.
#include <unistd.h>

#include <thread>

#include "tests/faults/processes.h"
#include "tests/faults/receiver.h"
#include "tests/faults/report.h"

namespace rl::tests {
namespace {

using Time = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Settings {
  std::uint64_t workers = 2000;
  std::uint64_t idle_seconds = 10;
  bool judge_speed = false;
  std::string bind{};
};

double seconds_since(Time::time_point begun) {
  return std::chrono::duration<double>(Time::now() - begun).count();
}

class Scale {
 public:
  explicit Scale(const Settings& settings)
      : settings_(settings),
        receiver_(ReceiverOptions{.bind = settings.bind.empty()
                                              ? "ipc://@corral-scale-" + std::to_string(getpid())
                                              : settings.bind,
                                  .environment = "CartPole-v1",
                                  .slots = static_cast<std::uint32_t>(settings.workers),
                                  .with_weights = false}) {}

  int run() {
    join();
    idle();
    leave();
    return report_.status();
  }

 private:
  void join() {
    const Footprint before = footprint(getpid());
    const auto begun = Time::now();
    for (std::size_t i = 0; i < settings_.workers; ++i) {
      processes_.start(i, {RL_CORRAL_PROGRAM, "worker", "--connect", receiver_.address(), "--slot",
                           std::to_string(i), "--quiet", "--retry", "120"});
    }
    const double started = seconds_since(begun);
    while (num_present() < settings_.workers && seconds_since(begun) < 300) {
      std::this_thread::sleep_for(milliseconds(10));
    }
    const double joined = seconds_since(begun);
    report_.require(num_present() == settings_.workers,
                    text("%zu workers registered", num_present()));
    judge(joined < 10.0,
          text("started in %.1f s, all registered after %.1f s (figure: < 10 s)", started, joined));
    const Footprint after = footprint(getpid());
    per_worker(before, after);
    report_.say(text("        receiver: %.1f s of CPU, %zu descriptors, %zu threads",
                     after.cpu_seconds, after.descriptors, after.threads));
  }

  void per_worker(const Footprint& before, const Footprint& after) {
    const double bytes =
        static_cast<double>(after.resident_bytes) - static_cast<double>(before.resident_bytes);
    const double kilobytes = bytes / 1024 / static_cast<double>(settings_.workers);
    report_.require_memory(kilobytes <= 40.0,
                    text("receiver memory: %.1f KB per worker (figure: <= 40 KB)", kilobytes));
  }

  void idle() {
    const Footprint before = footprint(getpid());
    double workers_before = 0;
    for (std::size_t i = 0; i < settings_.workers; ++i) workers_before += cpu_of(i);
    std::this_thread::sleep_for(seconds(settings_.idle_seconds));
    double workers_after = 0;
    for (std::size_t i = 0; i < settings_.workers; ++i) workers_after += cpu_of(i);
    const auto length = static_cast<double>(settings_.idle_seconds);
    const Footprint after = footprint(getpid());
    report_.require(num_present() == settings_.workers &&
                        receiver_.num_events(transport::WorkerEventKind::lost) == 0,
                    text("none was lost in %.0f idle seconds", length));
    report_.say(
        text("        idle: the receiver uses %.1f %% of a core, all workers together %.1f %%",
             100 * (after.cpu_seconds - before.cpu_seconds) / length,
             100 * (workers_after - workers_before) / length));
  }

  void leave() {
    const auto begun = Time::now();
    const bool left = receiver_.finish(seconds(60));
    const double said = seconds_since(begun);
    std::vector<Ending> endings;
    const bool ended = processes_.wait_all(seconds(60), &endings);
    const double gone = seconds_since(begun);
    std::size_t unclean = 0;
    for (const Ending& ending : endings) unclean += ending.status == 0 ? 0U : 1U;
    const auto lost = receiver_.num_events(transport::WorkerEventKind::lost);
    report_.require(left && ended && unclean == 0 && lost == 0,
                    text("all said goodbye (%zu did not), every process ended well (%zu did not)",
                         static_cast<std::size_t>(lost), unclean));
    judge(gone < 5.0, text("goodbyes within %.1f s, processes ended within %.1f s (figure: < 5 s)",
                           said, gone));
    const std::size_t orphans = count_processes(receiver_.address());
    report_.require(orphans == 0, text("%zu orphans", orphans));
  }

  std::size_t num_present() { return receiver_.endpoint().workers().size(); }
  double cpu_of(std::size_t index) const {
    return processes_.is_running(index) ? footprint(processes_.process_of(index)).cpu_seconds : 0;
  }
  void judge(bool met, const std::string& line) {
    settings_.judge_speed ? report_.require(met, line) : report_.say("        " + line);
  }

  const Settings settings_;
  Report report_;
  Receiver receiver_;
  Processes processes_;
};

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  using namespace rl;
  tests::Settings settings;
  cli::OptionTable table;
  table.add({"workers", &settings.workers, "", {.low = 1, .high = 4096}, "processes"});
  table.add({"idle", &settings.idle_seconds, "s", {.low = 1, .high = 1e6}, "of doing nothing"});
  table.add({"judge-speed", &settings.judge_speed, "", {}, "the times decide as well"});
  table.add({"bind", &settings.bind, "URL", {}, "where the receiver listens"});
  return tests::fault_main(argc, argv, std::move(table),
                           "Starts very many workers, lets them idle, stops them.",
                           [&] { return tests::Scale(settings).run(); });
}
