// Environments that sometimes make values out of spec, in whole trainings.
#include <doctest/doctest.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "learner/torch_setup.h"
#include "rl/core/error.h"
#include "rl/formats/digest.h"
#include "rl/learner/algorithm.h"
#include "rl/learner/train.h"
#include "rl/rollout/collector.h"
#include "support/temporary_folder.h"
#include "tests/learner/small_training.h"

namespace rl {
namespace {

constexpr const char* kName = "Faulty-v0";

enum class Fault : std::uint8_t { nan_reward, huge_reward, nan_observation, always };

// CartPole; one step in 24 shows a fault, and which ones depends on the episode's seed alone.
class Faulty : public Environment {
 public:
  explicit Faulty(Fault fault) : fault_(fault) { spec_.name = kName; }

  const EnvironmentSpec& spec() const override { return spec_; }
  void reset(std::uint64_t seed, Fields observation) override {
    seed_ = seed;
    step_ = 0;
    inner_->reset(seed, observation);
  }
  StepResult step(ConstFields action, Fields observation) override {
    StepResult result = inner_->step(action, observation);
    const bool due = RngStream(seed_, RngRole::test, ++step_).below(24) == 0;
    if (due && fault_ == Fault::nan_reward) result.reward = std::numeric_limits<float>::quiet_NaN();
    if (due && fault_ == Fault::huge_reward) result.reward = 1e30F;
    if (due && fault_ == Fault::nan_observation) {
      observation.as<float>(0)[2] = std::numeric_limits<float>::quiet_NaN();
    }
    if (fault_ == Fault::always) result.reward = std::numeric_limits<float>::infinity();
    return result;
  }
  std::optional<Bytes> save_state() const override {
    ByteWriter out;
    out.put(seed_);
    out.put(step_);
    out.put_bytes(*inner_->save_state());
    return out.take();
  }
  void load_state(std::span<const std::byte> state) override {
    ByteReader in(state, kName);
    seed_ = in.get<std::uint64_t>();
    step_ = in.get<std::uint64_t>();
    inner_->load_state(in.get_bytes());
  }

 private:
  Fault fault_;
  std::unique_ptr<Environment> inner_ = make_environment("CartPole-v1");
  EnvironmentSpec spec_ = inner_->spec();
  std::uint64_t seed_ = 0;
  std::uint64_t step_ = 0;
};

EnvironmentFactory factory(Fault fault) {
  return [fault] { return std::make_unique<Faulty>(fault); };
}

TrainOptions faulty_run(const std::string& algorithm, std::size_t workers) {
  TrainOptions options = tests::small_threaded_training({}, workers);
  options.algorithm = algorithm;
  options.environment = kName;
  options.num_environments = 6;
  options.total_steps = 1500;
  options.fragment_steps = 8;
  options.dqn.train_every = 48;
  return options;
}

TrainSummary run(TrainOptions options, Fault fault, const TrainHooks& hooks = {}) {
  const tests::TemporaryFolder folder;
  if (!options.resume) options.out = (folder.path() / "run").string();
  EnvironmentRegistry registry;
  registry.add(kName, "a test's", factory(fault));
  return train(options, registry, hooks);
}

// The same training as a plain loop, without transport, assembler or trainer: what is out of spec
// is thrown away before anything could see it.
std::string digest_of_loop_without_them(const TrainOptions& options, Fault fault) {
  set_up_torch();
  const EnvironmentSpec spec = Faulty(fault).spec();
  const auto schema = std::make_shared<const FragmentSchema>(make_schema(spec));
  const auto algorithm = make_algorithm(options, spec);
  replay::TableOptions table_options = algorithm->table_options();
  table_options.seed = options.seed;
  replay::Table table(table_options);
  const auto environments = static_cast<std::uint32_t>(options.num_environments);
  rollout::Collector collector(
      {.environment = kName,
       .seed = options.seed,
       .num_environments = environments,
       .steps_per_round = static_cast<std::uint32_t>(algorithm->steps_per_round()),
       .fragment_steps = static_cast<std::uint32_t>(options.fragment_steps)},
      {.first = 0, .count = environments}, factory(fault), schema,
      {.continuations = std::vector<Bytes>(environments)});
  TrainingProgress progress{.total_steps = options.total_steps};
  while (progress.environment_steps < options.total_steps) {
    const auto image = std::make_shared<const Bytes>(algorithm->weights_image(progress));
    const auto policy = make_policy(spec, {1, ++progress.weight_version, image});
    std::vector<FragmentPtr> good;
    collector.collect(*policy, algorithm->steps_per_round(), progress.weight_version,
                      [&](const FragmentPtr& fragment) {
                        if (find_defect(*fragment, spec).empty()) good.push_back(fragment);
                        return true;
                      });
    std::ranges::stable_sort(good, {}, [](const auto& one) { return one->header().environment; });
    for (const auto& fragment : good) {
      REQUIRE(table.insert(fragment, std::chrono::milliseconds(0)));
      progress.environment_steps += fragment->num_steps();
    }
    algorithm->update(table, progress);
  }
  return to_hex(digest(algorithm->weights_image(progress)));
}

TEST_SUITE("experience out of spec") {
  TEST_CASE("lockstep goes on without it: the weights are those of a run that never had it") {
    for (const std::string algorithm : {"ppo", "dqn"}) {
      for (const Fault fault : {Fault::nan_reward, Fault::huge_reward, Fault::nan_observation}) {
        CAPTURE(algorithm);
        CAPTURE(static_cast<int>(fault));
        const TrainSummary one = run(faulty_run(algorithm, 1), fault);
        CHECK(one.end == TrainEnd::steps_reached);
        CHECK(one.updates > 0);
        CHECK(one.fragments_dropped > 10);
        CHECK(one.dropped_by_reason == "out_of_spec " + std::to_string(one.fragments_dropped));
        CHECK(one.fragments_received == one.fragments_used + one.fragments_dropped);
        CHECK(one.weights_digest == digest_of_loop_without_them(faulty_run(algorithm, 1), fault));

        const TrainSummary three = run(faulty_run(algorithm, 3), fault);
        CHECK(three.weights_digest == one.weights_digest);
        CHECK(three.dropped_by_reason == one.dropped_by_reason);
      }
    }
  }

  TEST_CASE("with 2 and 8 workers too, and what the bad values were makes no difference") {
    const auto digest_with = [](std::size_t workers, Fault fault) {
      TrainOptions options = faulty_run("dqn", workers);
      options.num_environments = 8;
      return run(options, fault).weights_digest;
    };
    const auto one = digest_with(1, Fault::nan_reward);
    CHECK(digest_with(2, Fault::nan_reward) == one);
    CHECK(digest_with(8, Fault::nan_reward) == one);
    CHECK(digest_with(2, Fault::huge_reward) == one);
  }

  TEST_CASE("a run that is interrupted and resumed continues behind refused fragments") {
    const auto undisturbed = run(faulty_run("dqn", 1), Fault::nan_reward).weights_digest;
    const tests::TemporaryFolder folder;
    TrainOptions options = faulty_run("dqn", 2);
    options.out = (folder.path() / "run").string();
    options.resume = true;
    TrainSummary summary;
    int starts = 0;
    do {
      std::atomic<int> stop{0};
      TrainHooks hooks;
      hooks.stop = &stop;
      hooks.log = [&](const std::string& line) {
        if (starts < 5 && line.find("dropped") != std::string::npos) stop = 1;
      };
      summary = run(options, Fault::nan_reward, hooks);
    } while (summary.end == TrainEnd::interrupted && ++starts < 50);
    CHECK(starts > 2);
    CHECK(summary.weights_digest == undisturbed);
  }

  TEST_CASE("asynchronously it is dropped and counted as well") {
    TrainOptions options = faulty_run("dqn", 2);
    options.mode = "async";
    const TrainSummary summary = run(options, Fault::huge_reward);
    CHECK(summary.dropped_by_reason.starts_with("out_of_spec "));
    CHECK(summary.fragments_received == summary.fragments_used + summary.fragments_dropped);
  }

  TEST_CASE("an environment that makes nothing else ends the run with the reason") {
    CHECK_THROWS_WITH_AS(run(faulty_run("dqn", 1), Fault::always), doctest::Contains("reward[0]"),
                         Error);
  }
}

}  // namespace
}  // namespace rl
