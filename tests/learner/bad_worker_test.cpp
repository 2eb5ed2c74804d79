// Workers that claim other log-probs than the weights give, or send what is no fragment of the run.
#include <doctest/doctest.h>

#include <atomic>
#include <future>
#include <mutex>
#include <thread>

#include "rl/core/error.h"
#include "rl/learner/train.h"
#include "rl/rollout/collector.h"
#include "rl/rollout/worker.h"
#include "rl/transport/keys.h"
#include "rl/transport/worker_endpoint.h"
#include "support/temporary_folder.h"
#include "tests/learner/small_training.h"

namespace rl {
namespace {

using std::chrono::milliseconds;

// Acts as it should, and says of some actions that they were likelier.
class Lying : public Policy {
 public:
  explicit Lying(std::unique_ptr<Policy> inner) : inner_(std::move(inner)) {}
  void act(std::span<const ActRow> rows, ActMode mode) override {
    inner_->act(rows, mode);
    if (++calls_ % 7 != 0) return;
    for (const ActRow& row : rows) *row.log_prob *= 0.9F;
  }
  void load(const WeightSnapshot& snapshot) override { inner_->load(snapshot); }
  std::uint64_t version() const override { return inner_->version(); }

 private:
  std::unique_ptr<Policy> inner_;
  std::size_t calls_ = 0;
};

enum class Evil : std::uint8_t { lies, wrong_shape };

// The fragment as it would be with one more number per observation.
FragmentPtr misshapen(const Fragment& fragment, EnvironmentSpec spec) {
  spec.observations[0].shape = {5};
  spec.observations[0].low = spec.observations[0].high = {};
  Fragment wide(std::make_shared<const FragmentSchema>(make_schema(spec)), fragment.num_steps());
  const std::uint64_t digest = wide.header().schema_digest;
  wide.header() = fragment.header();
  wide.header().schema_digest = digest;
  wide.header().continuation_bytes = 0;
  return std::make_shared<const Fragment>(std::move(wide));
}

// A worker until it is thrown out. Gives how many fragments it could send.
std::size_t misbehave(const transport::WorkerOptions& connection, Evil evil) {
  transport::WorkerEndpoint endpoint(connection, {.worker_name = "liar", .wanted_slot = 0});
  const auto welcome = endpoint.connect(milliseconds(10000));
  const auto config = rollout::run_config_from_text(welcome.run_config);
  const auto range = rollout::environments_of_slot(config, welcome.slot);
  const auto spec = make_environment(config.environment)->spec();
  const auto schema = std::make_shared<const FragmentSchema>(make_schema(spec));
  endpoint.set_schema(evil == Evil::lies ? schema
                                         : misshapen(Fragment(schema, 1), spec)->schema_ptr());
  const auto assignment = rollout::assignment_from_bytes(welcome.assignment, range.count);
  rollout::Collector collector(config, range, [&] { return make_environment(config.environment); },
                               schema, assignment);
  std::size_t sent = 0;
  std::unique_ptr<Policy> policy;
  try {
    for (std::uint64_t round = assignment.round; !endpoint.stop_requested();) {
      const bool lockstep = config.mode == rollout::Mode::lockstep;
      const auto weights =
          lockstep || !policy ? endpoint.wait_for_weights(lockstep ? round : 1, milliseconds(200))
                              : endpoint.take_weights();
      if (!weights && (lockstep || !policy)) continue;
      if (weights && policy) policy->load(*weights);
      if (!policy) {
        policy = make_policy(spec, *weights);
        if (evil == Evil::lies) policy = std::make_unique<Lying>(std::move(policy));
      }
      collector.collect(*policy, config.steps_per_round, lockstep ? policy->version() : 0,
                        [&](FragmentPtr fragment) {
                          if (evil == Evil::wrong_shape) fragment = misshapen(*fragment, spec);
                          sent += endpoint.send(fragment, milliseconds(200)) ? 1 : 0;
                          return true;
                        });
      endpoint.flush();
      endpoint.pump();
      round = policy->version() + 1;
    }
  } catch (const Error&) {
    // Thrown out: nobody answers any more.
  }
  return sent;
}

TrainOptions small_run(const std::filesystem::path& out) {
  TrainOptions options = tests::small_training(out);
  options.num_environments = 6;
  options.num_slots = 3;
  options.total_steps = 3000;
  options.fragment_steps = 8;
  return options;
}

// A training with a liar in one of three slots and two honest workers; a third honest one waits for
// the slot that becomes free.
struct Meeting : tests::TemporaryFolder {
  explicit Meeting(const std::string& mode) {
    transport::make_keys(path() / "keys", "liar");
    transport::make_keys(path() / "keys", "honest");
    options = small_run(path() / "run");
    options.mode = mode;
    options.num_workers = 0;
    options.bind = "tcp://127.0.0.1:*";
    options.endpoint = "tcp";
    options.keys = (path() / "keys").string();
  }

  transport::WorkerOptions connection(const std::string& name, const std::string& address) const {
    transport::WorkerOptions result;
    result.connect = address;
    result.learner_timeout = milliseconds(2000);
    transport::use_keys(result, path() / "keys" / ("worker-" + name + ".key"),
                        path() / "keys" / "learner.pub");
    return result;
  }

  void run(Evil evil) {
    std::promise<std::string> listening;
    std::promise<void> liar_is_in;
    TrainHooks hooks;
    hooks.log = [&](const std::string& line) {
      const std::string label = "listening on ";
      if (line.starts_with(label)) listening.set_value(line.substr(label.size()));
      if (line.starts_with("liar (slot 0) joined")) liar_is_in.set_value();
      if (line.find("misbehaved") != std::string::npos) accusations.push_back(line);
    };
    auto learner = std::async(std::launch::async, [&] {
      return train(options, builtin_environments(), hooks);
    });
    const std::string address = listening.get_future().get();
    auto liar = std::async(std::launch::async,
                           [&] { return misbehave(connection("liar", address), evil); });
    liar_is_in.get_future().wait();
    std::vector<std::future<rollout::WorkerSummary>> honest;
    for (int i = 1; i <= 3; ++i) {
      honest.push_back(std::async(std::launch::async, [this, &address, &stop = stop_, i] {
        rollout::WorkerRunOptions worker;
        worker.transport = connection("honest", address);
        worker.slot = i % 3;  // the last one wants the liar's
        worker.retry = milliseconds(30000);
        return rollout::run_worker(worker, builtin_environments(), stop, [](const auto&) {});
      }));
    }
    summary = learner.get();
    stop_ = true;
    for (auto& worker : honest) {
      try {
        worker.get();
      } catch (const Error&) {
        // It found no slot before the run was over.
      }
    }
    sent_by_guilty = liar.get();
  }

  TrainOptions options;
  TrainSummary summary;
  std::vector<std::string> accusations;
  std::size_t sent_by_guilty = 0;

 private:
  std::atomic<bool> stop_{false};
};

std::string digest_of_honest_workers_alone() {
  const tests::TemporaryFolder folder;
  TrainOptions alone = small_run(folder.path() / "alone");
  alone.worker_mode = "thread";
  alone.endpoint = "inproc";
  alone.num_workers = 3;
  return train(alone, builtin_environments(), {}).weights_digest;
}

TEST_SUITE("bad workers") {
  TEST_CASE("a lying key is quarantined, and the weights are those of honest workers alone") {
    Meeting meeting("lockstep");
    meeting.run(Evil::lies);
    REQUIRE(meeting.accusations.size() == 1);
    const std::string& accusation = meeting.accusations.front();
    CAPTURE(accusation);
    CHECK(accusation.starts_with("liar (slot 0) misbehaved: claims log-prob -"));
    CHECK(accusation.find("quarantined, with its key ") != std::string::npos);
    CHECK(meeting.sent_by_guilty < 1000);
    CHECK(meeting.summary.dropped_by_reason.find("lying ") != std::string::npos);
    CHECK(meeting.summary.fragments_received ==
          meeting.summary.fragments_used + meeting.summary.fragments_dropped);
    CHECK(meeting.summary.weights_digest == digest_of_honest_workers_alone());
  }

  TEST_CASE("fragments of another shape cost their worker the session, and nobody anything else") {
    Meeting meeting("lockstep");
    meeting.run(Evil::wrong_shape);
    CHECK(!meeting.accusations.empty());
    CHECK(meeting.sent_by_guilty < 1000);
    CHECK(meeting.summary.weights_digest == digest_of_honest_workers_alone());
  }

  TEST_CASE("asynchronously a lie is found as well, within a thousand fragments") {
    Meeting meeting("async");
    meeting.run(Evil::lies);
    CHECK(meeting.accusations.size() == 1);
    CHECK(meeting.sent_by_guilty < 1000);
    CHECK(meeting.summary.dropped_by_reason.find("lying ") != std::string::npos);
  }
}

}  // namespace
}  // namespace rl
