// Trainings whose numbers stop being numbers.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "learner/step_watch.h"
#include "learner/trainer.h"
#include "rl/core/error.h"
#include "rl/formats/finite.h"
#include "rl/formats/safetensors.h"
#include "support/temporary_folder.h"
#include "tests/learner/small_training.h"

namespace rl {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

// Overwrites the first element of the tensor whose name begins like this.
Bytes spoilt(Bytes state, const std::string& tensor, float value) {
  const SafetensorsView view(state, "state");
  for (const TensorView& one : view.tensors()) {
    if (!one.name.starts_with(tensor)) continue;
    std::memcpy(const_cast<std::byte*>(one.data.data()), &value, sizeof(value));
    return state;
  }
  FAIL("there is no tensor " << tensor);
  return state;
}

struct Poison {
  std::string tensor;  // of the algorithm's state
  float value = kNan;
  std::size_t first_update = 3;
  std::size_t times = 1;
};

// An algorithm that is struck by accidents before some of its updates.
class Struck : public Algorithm {
 public:
  Struck(std::unique_ptr<Algorithm> inner, Poison poison)
      : inner_(std::move(inner)), poison_(std::move(poison)) {}

  replay::TableOptions table_options() const override { return inner_->table_options(); }
  std::size_t steps_per_round() const override { return inner_->steps_per_round(); }
  std::optional<UpdateReport> update(replay::Table& table,
                                     const TrainingProgress& progress) override {
    ++updates_;
    if (updates_ >= poison_.first_update && updates_ < poison_.first_update + poison_.times) {
      inner_->load_state(spoilt(inner_->save_state(), poison_.tensor, poison_.value));
    }
    return inner_->update(table, progress);
  }
  Bytes weights_image(const TrainingProgress& progress) const override {
    return inner_->weights_image(progress);
  }
  Bytes save_state() const override { return inner_->save_state(); }
  void load_state(std::span<const std::byte> image) override { inner_->load_state(image); }

 private:
  std::unique_ptr<Algorithm> inner_;
  Poison poison_;
  std::size_t updates_ = 0;
};

struct Run : tests::TemporaryFolder {
  Run() {
    options = tests::small_threaded_training(path() / "run");
    options.num_environments = 4;
    options.total_steps = 1280;
    options.evaluate_every = 256;
    options.checkpoint_every = 1e-9;
    hooks.log = [this](const std::string& line) {
      if (line.starts_with("ALARM")) alarms.push_back(line);
    };
  }

  TrainSummary train(const Poison& poison) {
    RunParts parts;
    parts.spec = make_environment("CartPole-v1")->spec();
    parts.algorithm = std::make_unique<Struck>(make_algorithm(options, parts.spec), poison);
    parts.evaluate = environment_evaluation(builtin_environments(), parts.spec.name,
                                            {.episodes = 1, .environments = 1, .seed = 1});
    return Trainer(options, builtin_environments(), hooks, std::move(parts)).run();
  }

  void check_that_what_is_saved_is_finite() const {
    const CheckpointStore store(path() / "run" / "checkpoints", 3);
    for (const std::uint64_t number : store.numbers()) {
      const Checkpoint checkpoint = store.load(number);
      CHECK(find_non_finite(checkpoint.parts.at("algorithm.safetensors"), "state") == "");
      CHECK(find_non_finite(checkpoint.parts.at("weights.safetensors"), "weights") == "");
    }
  }

  TrainOptions options;
  TrainHooks hooks;
  std::vector<std::string> alarms;
};

TEST_SUITE("numbers that are none") {
  TEST_CASE("a NaN in a moment or a weight: the weights go back once, and the run goes on") {
    for (const char* tensor : {"adam.first_moment.policy", "adam.second_moment.value",
                               "policy.0.weight", "value.0.bias"}) {
      CAPTURE(tensor);
      Run run;
      const TrainSummary summary = run.train({.tensor = tensor});
      CHECK(summary.end == TrainEnd::steps_reached);
      CHECK(summary.rollbacks == 1);
      CHECK(run.alarms.size() == 1);
      CHECK(std::isfinite(summary.last_evaluation));
      run.check_that_what_is_saved_is_finite();
    }
  }

  TEST_CASE("a loss that overflows: its steps leave no trace, then the weights go back") {
    Run run;
    const TrainSummary summary = run.train({.tensor = "value.2.bias", .value = 3e38F});
    CHECK(summary.end == TrainEnd::steps_reached);
    CHECK(summary.rollbacks == 1);
    CHECK(summary.skipped_updates >= StepWatch::kMostInARow);
    CHECK(run.alarms.at(0).find("too many of the last steps") != std::string::npos);
    run.check_that_what_is_saved_is_finite();
  }

  TEST_CASE("two accidents are survived, the third ends the run with the reason") {
    Run run;
    CHECK(run.train({.tensor = "policy.0.weight", .times = 2}).rollbacks == 2);
    Run hopeless;
    CHECK_THROWS_WITH_AS(hopeless.train({.tensor = "policy.0.weight", .times = 100}),
                         doctest::Contains("2 returns to an earlier checkpoint"), Error);
    hopeless.check_that_what_is_saved_is_finite();
  }

  TEST_CASE("without a checkpoint there is nothing to go back to, and the run ends") {
    Run run;
    run.options.checkpoint_every = 0;
    CHECK_THROWS_WITH_AS(run.train({.tensor = "policy.0.weight"}),
                         doctest::Contains("no checkpoint to go back to yet"), Error);
  }
}

TEST_SUITE("step watch") {
  TEST_CASE("three skipped steps in a row are too many, however they come") {
    StepWatch singly;
    CHECK_FALSE(singly.note(0, 1));
    CHECK_FALSE(singly.note(0, 1));
    CHECK(singly.note(0, 1));
    StepWatch at_once;
    CHECK(at_once.note(0, 3));
    StepWatch broken;
    CHECK_FALSE(broken.note(0, 2));
    CHECK_FALSE(broken.note(1, 0));
    CHECK_FALSE(broken.note(0, 2));
  }

  TEST_CASE("ten skipped of the last thousand steps are too many, nine are not") {
    StepWatch watch;
    for (int i = 0; i < 9; ++i) CHECK_FALSE(watch.note(99, 1));
    CHECK(watch.note(99, 1));
    watch.reset();
    for (int i = 0; i < 100; ++i) CHECK_FALSE(watch.note(199, 1));  // 5 of 1,000
  }
}

}  // namespace
}  // namespace rl
