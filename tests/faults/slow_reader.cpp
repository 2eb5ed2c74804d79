// F9: one worker reads weights at a kilobyte a second, over a connection that accepts them for
// ever, while the learner publishes. The publisher never waits, the others lose nothing, nothing
// piles up.
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <vector>

#include "rl/transport/keys.h"
#include "rl/transport/learner_endpoint.h"
#include "rl/transport/worker_endpoint.h"
#include "support/fault_proxy.h"
#include "tests/faults/fault_run.h"
#include "transport/fixtures.h"

namespace rl::tests {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using namespace transport;

struct Settings {
  std::uint64_t seconds = 30;
  std::uint64_t workers = 4;
  std::uint64_t megabytes = 1;
  std::uint64_t every_ms = 100;
  double bytes_per_second = 1000;
  bool with_keys = false;
  bool judge_throughput = false;
};

// Sends a fragment every few milliseconds and takes every version it can get.
void be_worker(const WorkerOptions& options, const std::shared_ptr<const FragmentSchema>& schema,
               const std::atomic<bool>& stop, std::atomic<std::uint64_t>& versions) {
  WorkerEndpoint worker(options, small_hello());
  worker.connect(seconds(60));
  worker.set_schema(schema);
  for (std::uint64_t i = 0; !stop; ++i) {
    worker.send(small_fragment(schema, 0, i), milliseconds(100));
    if (worker.take_weights()) ++versions;
    worker.pump(milliseconds(2));
  }
  worker.close(seconds(5));
}

class SlowReader {
 public:
  explicit SlowReader(const Settings& settings)
      : settings_(settings),
        manifest_(small_manifest(static_cast<std::uint32_t>(settings.workers + 1))),
        weights_(small_weights(1, settings.megabytes * 1'000'000)) {
    listen_.bind = "tcp://127.0.0.1:*";
    if (settings_.with_keys) {
      make_keys(folder_.path() / "keys", "a");
      use_keys(listen_, folder_.path() / "keys");
    }
    learner_ = std::make_unique<LearnerEndpoint>(listen_, manifest_);
  }

  int run() {
    for (std::size_t i = 0; i < settings_.workers; ++i) {
      workers_.emplace_back(
          [this] { be_worker(options(learner_->address()), manifest_.schema, stop_, versions_); });
    }
    learn(seconds(2));  // all are there
    const Rate calm = learn(seconds(settings_.seconds));
    const std::string address = learner_->address();
    FaultProxy proxy(static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1))),
                     {});
    std::atomic<std::uint64_t> slow_versions{0};
    std::atomic<bool> slow_stop{false};
    std::jthread slow([&] {
      try {
        be_worker(options(proxy.address()), manifest_.schema, slow_stop, slow_versions);
      } catch (const Error&) {  // it may be lost: it hears its learner too late
      }
    });
    learn(seconds(1));
    proxy.set({.bytes_per_second = settings_.bytes_per_second});
    const PeakMemory memory;
    const Rate disturbed = learn(seconds(settings_.seconds));
    report_.say(text(
        "        %.0f fragments/s and %.0f versions/s at the others, undisturbed %.0f and %.0f",
        disturbed.fragments, disturbed.versions, calm.fragments, calm.versions));
    report_.require(disturbed.longest_publish < 0.5,
                    text("publish() took %.1f ms at most, undisturbed %.1f ms",
                         1e3 * disturbed.longest_publish, 1e3 * calm.longest_publish));
    report_.require_memory(memory.megabytes() < 64.0 + 4.0 * static_cast<double>(settings_.megabytes),
                    text("memory: %+.1f MB at most", memory.megabytes()));
    const double loss = 100 * (disturbed.fragments / calm.fragments - 1);
    const std::string line = text("the others: %+.1f %% (figure: not below -5 %%)", loss);
    settings_.judge_throughput ? report_.require(loss >= -5.0, line)
                               : report_.say("        " + line);
    slow_stop = true;
    proxy.reset_all();
    slow.join();
    stop_ = true;
    while (learner_->receive(milliseconds(300))) {
    }
    return report_.status();
  }

 private:
  struct Rate {
    double fragments = 0.0;
    double versions = 0.0;
    double longest_publish = 0.0;
  };

  WorkerOptions options(const std::string& address) const {
    WorkerOptions result{.connect = address};
    if (settings_.with_keys) {
      use_keys(result, folder_.path() / "keys" / "worker-a.key",
               folder_.path() / "keys" / "learner.pub");
    }
    return result;
  }

  // Takes fragments and publishes; fragments of the slow one's slot are not counted.
  Rate learn(seconds time) {
    Rate rate;
    const auto begun = FaultRun::Time::now();
    auto next = begun;
    const std::uint64_t versions = versions_;
    while (FaultRun::Time::now() - begun < time) {
      if (FaultRun::Time::now() >= next) {
        next += milliseconds(settings_.every_ms);
        weights_.version = ++version_;
        const auto before = FaultRun::Time::now();
        learner_->publish(weights_);
        rate.longest_publish = std::max(rate.longest_publish, seconds_since(before));
      }
      auto received = learner_->receive(milliseconds(1));
      for (; received; received = learner_->receive(milliseconds(0))) {
        if (received->slot < settings_.workers) rate.fragments += 1.0;
      }
    }
    rate.fragments /= seconds_since(begun);
    rate.versions = static_cast<double>(versions_ - versions) / seconds_since(begun);
    return rate;
  }

  const Settings settings_;
  const RunManifest manifest_;
  const TemporaryFolder folder_;
  Report report_;
  LearnerOptions listen_;
  std::unique_ptr<LearnerEndpoint> learner_;
  WeightSnapshot weights_;
  std::uint64_t version_ = 0;
  std::atomic<std::uint64_t> versions_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::jthread> workers_;  // last: they stop before anything they use is gone
};

}  // namespace
}  // namespace rl::tests

int main(int argc, char** argv) {
  using namespace rl;
  tests::Settings settings;
  cli::OptionTable table;
  table.add({"seconds", &settings.seconds, "s", {.low = 1, .high = 1e6}, "of each measurement"});
  table.add({"workers", &settings.workers, "", {.low = 1, .high = 1000}, "that are fast"});
  table.add({"megabytes", &settings.megabytes, "", {.low = 1, .high = 1000}, "of weights"});
  table.add({"every", &settings.every_ms, "ms", {.low = 1, .high = 1e6}, "a version is published"});
  table.add(
      {"rate", &settings.bytes_per_second, "B/s", {.low = 1, .high = 1e9}, "of the slow reader"});
  table.add({"with-keys", &settings.with_keys, "", {}, "encrypted, through the gate"});
  table.add({"judge-throughput", &settings.judge_throughput, "", {}, "speed decides as well"});
  return tests::fault_main(argc, argv, std::move(table), "A slow reader of weights.",
                           [&] { return tests::SlowReader(settings).run(); });
}
