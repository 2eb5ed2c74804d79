#include "rl/rollout/worker.h"

#include <algorithm>

#include "rl/core/error.h"
#include "rl/rollout/collector.h"
#include "rl/transport/worker_endpoint.h"

namespace rl::rollout {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{200};     // between looks at the stop flag while waiting
constexpr std::size_t kAsyncSteps = 16;    // steps between looks for newer weights

// One connection to one learner, from welcome to goodbye.
class Service {
 public:
  Service(const WorkerRunOptions& options, const EnvironmentRegistry& registry,
          const std::atomic<bool>& stop, WorkerSummary& summary)
      : options_(options),
        registry_(registry),
        stop_(stop),
        summary_(summary),
        endpoint_(options.transport,
                  {.worker_name = options.name, .wanted_slot = options.slot}) {}

  void connect() {
    const transport::Welcome welcome = endpoint_.connect(options_.retry);
    ++summary_.connections;
    config_ = run_config_from_text(welcome.run_config);
    const EnvironmentRange range = environments_of_slot(config_, welcome.slot);
    const auto factory = [&] { return registry_.make(config_.environment); };
    spec_ = factory()->spec();
    auto schema = std::make_shared<const FragmentSchema>(make_schema(spec_));
    endpoint_.set_schema(schema);
    const Assignment assignment = assignment_from_bytes(welcome.assignment, range.count);
    next_round_ = assignment.round;
    collector_ = std::make_unique<Collector>(config_, range, factory, schema, assignment);
  }

  void serve() {
    while (!finished() && update_weights()) {
      const bool lockstep = config_.mode == Mode::lockstep;
      const std::size_t steps = lockstep ? config_.steps_per_round : kAsyncSteps;
      if (!collector_->collect(*policy_, steps, lockstep ? policy_->version() : 0, sink())) break;
      if (lockstep) endpoint_.flush();
      next_round_ = policy_->version() + 1;
      summary_.steps += collector_->num_steps() - counted_steps_;
      counted_steps_ = collector_->num_steps();
      endpoint_.report_progress(counted_steps_);
      endpoint_.pump();
    }
    if (config_.mode == Mode::async) collector_->finish_open(sink());
    endpoint_.flush();
  }

  void close() {
    if (!endpoint_.close(options_.close_deadline)) summary_.fragments_lost += unacknowledged();
  }
  std::size_t unacknowledged() const { return endpoint_.unacknowledged(); }

 private:
  bool finished() const { return stop_ || endpoint_.stop_requested(); }

  Collector::Sink sink() {
    return [this](FragmentPtr fragment) {
      while (!endpoint_.send(fragment, kPatience)) {
        if (finished()) return false;
      }
      ++summary_.fragments;
      return true;
    };
  }

  // Lockstep waits for the next version; async waits only for the first.
  bool update_weights() {
    const bool wait = config_.mode == Mode::lockstep || policy_ == nullptr;
    std::optional<WeightSnapshot> snapshot;
    if (!wait) {
      snapshot = endpoint_.take_weights();
      if (!snapshot) return true;
    }
    const std::uint64_t at_least = config_.mode == Mode::lockstep ? next_round_ : 1;
    while (!snapshot) {
      if (finished()) return false;
      snapshot = endpoint_.wait_for_weights(at_least, kPatience);
    }
    if (policy_ == nullptr) {
      policy_ = make_policy(spec_, *snapshot);
    } else {
      policy_->load(*snapshot);
    }
    return true;
  }

  const WorkerRunOptions& options_;
  const EnvironmentRegistry& registry_;
  const std::atomic<bool>& stop_;
  WorkerSummary& summary_;
  transport::WorkerEndpoint endpoint_;
  RunConfig config_;
  EnvironmentSpec spec_;
  std::unique_ptr<Collector> collector_;
  std::unique_ptr<Policy> policy_;
  std::uint64_t next_round_ = 1;
  std::uint64_t counted_steps_ = 0;
};

}  // namespace

WorkerSummary run_worker(const WorkerRunOptions& options, const EnvironmentRegistry& registry,
                         const std::atomic<bool>& stop,
                         const std::function<void(const std::string&)>& log) {
  WorkerSummary summary;
  while (true) {
    Service service(options, registry, stop, summary);
    service.connect();
    try {
      service.serve();
      service.close();
      return summary;
    } catch (const transport::LearnerLost& lost) {
      summary.fragments_lost += service.unacknowledged();
      log(std::string(lost.what()) + "; looking for it again");
    }
  }
}

}  // namespace rl::rollout
