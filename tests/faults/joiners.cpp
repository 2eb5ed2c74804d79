// F10: workers join while the weights change faster than one of them can be fetched at leisure.
// Each must soon have a version, whole, and hardly older than the newest.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

#include "rl/transport/learner_endpoint.h"
#include "rl/transport/worker_endpoint.h"
#include "tests/faults/report.h"

namespace rl::tests {
namespace {

using Time = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Settings {
  std::uint64_t joins = 1000;
  std::uint64_t at_once = 4;
  std::uint64_t image_bytes = 10'000'000;
  std::uint64_t every_ms = 100;
  std::uint64_t lag_ms = 5000;
  bool judge_speed = false;
};

// Every eight bytes tell the version, so that a mixture of two shows.
WeightSnapshot image_of(std::uint64_t version, std::size_t bytes) {
  Bytes image(bytes / 8 * 8);
  for (std::size_t i = 0; i < image.size(); i += 8) {
    const std::uint64_t word = version * 0x9E3779B97F4A7C15 + i;
    std::memcpy(image.data() + i, &word, 8);
  }
  return {
      .run_id = 1, .version = version, .image = std::make_shared<const Bytes>(std::move(image))};
}

transport::RunManifest manifest(std::uint32_t slots) {
  const EnvironmentSpec spec{
      .name = "Nothing-v0",
      .observations = {{.name = "state", .shape = {1}, .low = {-1.0}, .high = {1.0}}},
      .actions = {{.name = "move", .dtype = DType::i64, .low = {0.0}, .high = {1.0}}}};
  return {.run_id = 1,
          .environment = spec,
          .schema = std::make_shared<const FragmentSchema>(make_schema(spec)),
          .run_config = "",
          .num_slots = slots};
}

class Joiners {
 public:
  explicit Joiners(const Settings& settings)
      : settings_(settings),
        learner_({.bind = "ipc://@corral-joiners-" + std::to_string(getpid())},
                 manifest(static_cast<std::uint32_t>(2 * settings.at_once))) {}

  int run() {
    std::jthread publisher([this](const std::stop_token& stop) { publish(stop); });
    {
      std::vector<std::jthread> threads;
      for (std::uint64_t i = 0; i < settings_.at_once; ++i) {
        threads.emplace_back([this] { join_again_and_again(); });
      }
    }
    publisher.request_stop();
    publisher.join();
    judge();
    return report_.status();
  }

 private:
  void publish(const std::stop_token& stop) {
    auto next = Time::now();
    while (!stop.stop_requested()) {
      learner_.publish(image_of(newest_ + 1, settings_.image_bytes));
      ++newest_;
      next += milliseconds(settings_.every_ms);
      std::this_thread::sleep_until(next);
    }
  }

  void join_again_and_again() {
    while (begun_++ < settings_.joins) join();
  }

  void join() {
    const auto start = Time::now();
    transport::WorkerEndpoint worker({.connect = learner_.address()}, {.worker_name = "late"});
    worker.connect(seconds(60));
    const auto weights = worker.wait_for_weights(1, seconds(60));
    const double took = std::chrono::duration<double, std::milli>(Time::now() - start).count();
    const std::uint64_t newest = newest_;
    const bool whole =
        weights && *weights->image == *image_of(weights->version, settings_.image_bytes).image;
    worker.close(seconds(10));
    const std::lock_guard lock(mutex_);
    if (!whole) return;
    times_.push_back(took);
    most_behind_ = std::max(most_behind_, newest - std::min(newest, weights->version));
  }

  void judge() {
    report_.require(
        times_.size() == settings_.joins,
        text("%zu of %zu joins got a whole version while %zu versions went by", times_.size(),
             static_cast<std::size_t>(settings_.joins), static_cast<std::size_t>(newest_)));
    std::sort(times_.begin(), times_.end());
    const double p99 = times_.empty() ? 0 : times_[(times_.size() - 1) * 99 / 100];
    const std::string line =
        text("from start to weights of %.1f MB: median %.0f ms, p99 %.0f ms (figure: p99 < 2 s)",
             static_cast<double>(settings_.image_bytes) / 1e6,
             times_.empty() ? 0 : times_[times_.size() / 2], p99);
    const std::uint64_t window = settings_.lag_ms / settings_.every_ms;
    const std::string lag =
        text("%zu versions behind the newest at most (window: %zu)",
             static_cast<std::size_t>(most_behind_), static_cast<std::size_t>(window));
    if (!settings_.judge_speed) return report_.say("        " + line + "\n        " + lag);
    report_.require(p99 < 2000, line);
    report_.require(most_behind_ <= window, lag);
  }

  const Settings settings_;
  Report report_;
  transport::LearnerEndpoint learner_;
  std::atomic<std::uint64_t> newest_{0};
  std::atomic<std::uint64_t> begun_{0};
  std::mutex mutex_;
  std::vector<double> times_;  // of those that got their weights, in ms
  std::uint64_t most_behind_ = 0;
};

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  using namespace rl;
  tests::Settings settings;
  cli::OptionTable table;
  table.add({"joins", &settings.joins, "", {.low = 1, .high = 1e6}, "in all"});
  table.add({"at-once", &settings.at_once, "", {.low = 1, .high = 1000}, "joiners at a time"});
  table.add({"bytes", &settings.image_bytes, "", {.low = 8, .high = 1e9}, "of the weights"});
  table.add({"every", &settings.every_ms, "ms", {.low = 1, .high = 1e6}, "between versions"});
  table.add({"lag", &settings.lag_ms, "ms", {.low = 1, .high = 1e6}, "behind at most"});
  table.add({"judge-speed", &settings.judge_speed, "", {}, "times and lag decide as well"});
  return tests::fault_main(argc, argv, std::move(table),
                           "Joins while the weights change again and again.",
                           [&] { return tests::Joiners(settings).run(); });
}
