#include "rl/rollout/worker.h"

#include <doctest/doctest.h>

#include <map>
#include <thread>

#include "rl/core/error.h"
#include "rl/transport/worker_endpoint.h"
#include "rollout/learner_stand_in.h"

namespace rl::rollout {
namespace {

using std::chrono::milliseconds;
using tests::LearnerStandIn;

// run_worker on a thread of its own.
class WorkerThread {
 public:
  explicit WorkerThread(const std::string& address, WorkerObserver* observer = nullptr)
      : thread_([this, address, observer] {
          WorkerRunOptions options;
          options.transport.connect = address;
          options.retry = milliseconds(5000);
          options.observer = observer;
          try {
            summary_ = run_worker(options, builtin_environments(), stop_, [](const auto&) {});
          } catch (const Error& error) {
            failure_ = error.what();
          }
        }) {}
  ~WorkerThread() { join(); }
  WorkerSummary join() {
    if (thread_.joinable()) thread_.join();
    return summary_;
  }
  void stop() { stop_ = true; }
  const std::string& failure() const { return failure_; }  // after join()

 private:
  std::atomic<bool> stop_{false};
  WorkerSummary summary_;
  std::string failure_;
  std::thread thread_;
};

// What a worker says of its connections.
struct Listener final : WorkerObserver {
  void connected(const transport::Welcome& welcome) override { worker = welcome.worker_id; }
  void offering(const Fragment& fragment, std::uint64_t sequence) override {
    steps += fragment.num_steps();
    in_order = in_order && sequence == ++offered;
  }
  void disconnected(std::uint64_t last, std::size_t unacknowledged) override {
    last_sequence = last;
    missing = unacknowledged;
    ++disconnections;
  }
  std::uint64_t worker = 0;
  std::uint64_t offered = 0;
  std::uint64_t steps = 0;
  std::uint64_t last_sequence = 0;
  std::size_t missing = 99;
  int disconnections = 0;
  bool in_order = true;
};

TEST_SUITE("worker") {
  TEST_CASE("an observer hears of every fragment by the number under which it is received") {
    Listener listener;
    LearnerStandIn learner("inproc://worker-7", tests::run_config(Mode::lockstep, 3, 1));
    WorkerThread worker("inproc://worker-7", &listener);
    learner.publish(1);
    std::uint64_t received = 0;
    for (std::size_t steps = 0; steps < 60;) {
      const auto one = learner.endpoint.receive(std::chrono::seconds(5));
      REQUIRE(one);
      CHECK(one->sequence == ++received);
      steps += one->fragment->num_steps();
    }
    CHECK(learner.endpoint.stop_workers(std::chrono::seconds(5)));
    worker.join();
    CHECK(listener.worker == 1);
    CHECK(listener.in_order);
    CHECK(listener.offered == received);
    CHECK(listener.steps == 60);
    CHECK(listener.last_sequence == received);
    CHECK(listener.missing == 0);
    CHECK(listener.disconnections == 1);
  }

  TEST_CASE("in lockstep it makes one round per weight version and leaves when told to") {
    LearnerStandIn learner("inproc://worker-1", tests::run_config(Mode::lockstep, 3, 1));
    WorkerThread worker("inproc://worker-1");
    for (std::uint64_t round = 1; round <= 3; ++round) {
      learner.publish(round);
      std::map<std::uint64_t, std::size_t> steps;
      for (const auto& fragment : learner.take(3 * 20)) {
        CHECK(fragment->header().round == round);
        steps[fragment->header().environment] += fragment->num_steps();
        for (const auto version : fragment->column<std::int64_t>(
                 fragment->schema().require(kPolicyVersionColumn))) {
          CHECK(version == static_cast<std::int64_t>(round));
        }
      }
      CHECK(steps == std::map<std::uint64_t, std::size_t>{{0, 20}, {1, 20}, {2, 20}});
    }
    CHECK(learner.endpoint.stop_workers(milliseconds(5000)));
    const WorkerSummary summary = worker.join();
    CHECK(worker.failure() == "");
    CHECK(summary.steps == 3 * 3 * 20);
    CHECK(summary.fragments_lost == 0);
    CHECK(summary.connections == 1);
  }

  TEST_CASE("asynchronously it goes on, takes newer weights and loses nothing at the end") {
    LearnerStandIn learner("inproc://worker-2", tests::run_config(Mode::async, 2, 1));
    WorkerThread worker("inproc://worker-2");
    learner.publish(1);
    CHECK(learner.take(500).size() > 0);
    learner.publish(2);
    bool newer = false;
    while (!newer) {
      for (const auto& fragment : learner.take(100)) {
        const auto versions = fragment->column<std::int64_t>(
            fragment->schema().require(kPolicyVersionColumn));
        newer = newer || versions.back() == 2;
      }
    }
    CHECK(newer);
    CHECK(learner.endpoint.stop_workers(milliseconds(5000)));
    const WorkerSummary summary = worker.join();
    CHECK(summary.fragments_lost == 0);
    CHECK(learner.endpoint.counters().fragments_received == summary.fragments);
  }

  TEST_CASE("it stops when its own side asks, too") {
    LearnerStandIn learner("inproc://worker-3", tests::run_config(Mode::async, 2, 1));
    learner.publish(1);
    WorkerThread worker("inproc://worker-3");
    CHECK(learner.take(50).size() > 0);
    worker.stop();
    learner.take(1000000);
    CHECK(worker.join().fragments_lost == 0);
    CHECK(worker.failure() == "");
  }

  TEST_CASE("it continues an assignment where another worker stood") {
    LearnerStandIn learner("inproc://worker-4", tests::run_config(Mode::lockstep, 1, 1));
    Bytes continuation;
    {
      WorkerThread first("inproc://worker-4");
      learner.publish(1);
      const auto last = learner.take(20).back();
      continuation.assign(last->continuation().begin(), last->continuation().end());
      first.stop();
    }
    learner.endpoint.set_assignment(0, to_bytes({.round = 2, .continuations = {continuation}}));
    WorkerThread second("inproc://worker-4");
    learner.publish(2);
    const auto fragments = learner.take(20);
    REQUIRE_FALSE(fragments.empty());
    CHECK(fragments.front()->header().sequence > 0);
    CHECK(fragments.front()->header().round == 2);
    learner.endpoint.stop_workers(milliseconds(5000));
  }

  TEST_CASE("an environment that the registry lacks ends it with the near names") {
    RunConfig config = tests::run_config(Mode::lockstep, 1, 1);
    LearnerStandIn learner("inproc://worker-5", config);
    WorkerRunOptions options;
    options.transport.connect = "inproc://worker-5";
    EnvironmentRegistry other;
    other.add("CartPole-v2", "another", [] { return make_environment("CartPole-v1"); });
    std::atomic<bool> stop{false};
    CHECK_THROWS_WITH_AS(run_worker(options, other, stop, [](const auto&) {}),
                         doctest::Contains("CartPole-v2"), Error);
  }

  TEST_CASE("a learner that never comes ends it with the address") {
    WorkerRunOptions options;
    options.transport.connect = "inproc://worker-nobody";
    options.retry = milliseconds(50);
    std::atomic<bool> stop{false};
    CHECK_THROWS_WITH_AS(
        run_worker(options, builtin_environments(), stop, [](const auto&) {}),
        doctest::Contains("inproc://worker-nobody"), Error);
  }
}

}  // namespace
}  // namespace rl::rollout
