#include "rl/rollout/worker.h"

#include <algorithm>

#include "rl/core/clock.h"
#include "rl/core/error.h"
#include "rl/transport/worker_endpoint.h"
#include "rollout/experience_source.h"

namespace rl::rollout {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{200};  // between looks at the stop flag while waiting

using Log = std::function<void(const std::string&)>;

// One connection to one learner, from welcome to goodbye.
class Service {
 public:
  Service(const WorkerRunOptions& options, const EnvironmentRegistry& registry,
          const std::atomic<bool>& stop, const Log& log, WorkerSummary& summary)
      : options_(options),
        registry_(registry),
        stop_(stop),
        log_(log),
        summary_(summary),
        endpoint_(options.transport,
                  {.worker_name = options.name, .wanted_slot = options.slot}) {}

  void connect() {
    const transport::Welcome welcome = endpoint_.connect(options_.retry);
    ++summary_.connections;
    joined_ = steady_clock().now();
    config_ = run_config_from_text(welcome.run_config);
    const EnvironmentRange range = environments_of_slot(config_, welcome.slot);
    const Assignment assignment = assignment_from_bytes(welcome.assignment, range.count);
    next_round_ = assignment.round;
    source_ = config_.text ? make_text_source(config_, range, options_, log_)
                           : make_environment_source(config_, range, registry_, assignment);
    endpoint_.set_schema(source_->schema());
    if (options_.observer != nullptr) options_.observer->connected(welcome);
  }

  void serve() {
    const bool lockstep = config_.mode == Mode::lockstep;
    while (!finished() && update_weights()) {
      if (!source_->collect(lockstep ? version_ : 0, sink(), tick())) break;
      if (lockstep || config_.text) endpoint_.flush();
      next_round_ = version_ + 1;
      summary_.steps += source_->num_steps() - counted_steps_;
      counted_steps_ = source_->num_steps();
      endpoint_.report_progress(progress());
      endpoint_.pump();
    }
    source_->finish(sink());
    endpoint_.flush();
  }

  void close() {
    endpoint_.close(options_.close_deadline);
    count_lost();
  }
  void count_lost() {
    summary_.fragments_lost += endpoint_.unacknowledged();
    if (options_.observer != nullptr) {
      options_.observer->disconnected(sent_, endpoint_.unacknowledged());
    }
  }

 private:
  // Counts the time until its end as waited.
  class Wait {
   public:
    explicit Wait(Service& service) : service_(service) {}
    ~Wait() {
      service_.waited_ += steady_clock().now() - begun_;
      service_.endpoint_.report_progress(service_.progress());
    }
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;

   private:
    Service& service_;
    Nanoseconds begun_ = steady_clock().now();
  };

  bool finished() const { return stop_ || endpoint_.stop_requested(); }

  transport::WorkerProgress progress() const {
    return {.steps = counted_steps_, .alive = steady_clock().now() - joined_, .waited = waited_};
  }

  ExperienceSource::Sink sink() {
    return [this](FragmentPtr fragment) {
      if (options_.observer != nullptr) options_.observer->offering(*fragment, sent_ + 1);
      if (!endpoint_.send(fragment, std::chrono::milliseconds(0))) {
        const Wait wait(*this);
        while (!endpoint_.send(fragment, kPatience)) {
          if (finished()) return false;
        }
      }
      ++summary_.fragments;
      ++sent_;
      return true;
    };
  }

  ExperienceSource::Tick tick() {
    return [this] {
      endpoint_.report_progress(progress());
      endpoint_.pump();
      return !finished();
    };
  }

  // Lockstep waits for the next version; async for the first, and when there is nothing to do.
  bool update_weights() {
    const bool wait = version_ == 0 || source_->needs_weights();
    const auto snapshot = wait ? wait_for_weights() : endpoint_.take_weights();
    if (!snapshot) return !wait;
    source_->load(*snapshot);
    version_ = snapshot->version;
    return true;
  }

  // nullopt: finished.
  std::optional<WeightSnapshot> wait_for_weights() {
    const Wait waiting(*this);
    const std::uint64_t at_least = config_.mode == Mode::lockstep ? next_round_ : version_ + 1;
    while (!finished()) {
      if (auto snapshot = endpoint_.wait_for_weights(at_least, kPatience)) return snapshot;
    }
    return std::nullopt;
  }

  const WorkerRunOptions& options_;
  const EnvironmentRegistry& registry_;
  const std::atomic<bool>& stop_;
  const Log& log_;
  WorkerSummary& summary_;
  transport::WorkerEndpoint endpoint_;
  RunConfig config_;
  std::unique_ptr<ExperienceSource> source_;
  std::uint64_t version_ = 0;  // of the loaded weights; 0: none yet
  std::uint64_t next_round_ = 1;
  std::uint64_t counted_steps_ = 0;
  std::uint64_t sent_ = 0;  // fragments given to this connection
  Nanoseconds joined_{};
  Nanoseconds waited_{};
};

}  // namespace

WorkerSummary run_worker(const WorkerRunOptions& options, const EnvironmentRegistry& registry,
                         const std::atomic<bool>& stop, const Log& log) {
  WorkerSummary summary;
  while (true) {
    Service service(options, registry, stop, log, summary);
    service.connect();
    try {
      service.serve();
      service.close();
      return summary;
    } catch (const transport::LearnerLost& lost) {
      service.count_lost();
      log(std::string(lost.what()) + "; looking for it again");
    }
  }
}

}  // namespace rl::rollout
