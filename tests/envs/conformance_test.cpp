#include "support/environment_conformance.h"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

#include "rl/core/error.h"
#include "rl/envs/registry.h"

namespace rl {
namespace {

// Every episode of these is the same.
const std::set<std::string> kSameForEverySeed{"Probe-ConstantReward", "Probe-DelayedReward",
                                              "Probe-ActionReward", "Probe-StochasticOptimal",
                                              "Probe-HardExploration"};

// A counter with one defect at a time: what the kit must find.
enum class Defect {
  none,
  unwritten,
  unseeded,
  beyond_bounds,
  not_finite,
  reward_beyond_bounds,
  both_flags,
  endless,
  steps_after_end,
  takes_any_action,
  changes_before_refusal,
  not_clipped,
  forgets_on_save,
  believes_any_state,
  overruns_row,
  bad_spec,
};

class Counter final : public Environment {
 public:
  Counter(Defect defect, bool continuous) : defect_(defect), continuous_(continuous) {
    spec_ = {.name = "Counter",
             .observations = {{.name = "count", .shape = {2}, .low = {0}, .high = {64}}},
             .max_episode_steps = 20,
             .reward_low = -4.0,
             .reward_high = 4.0};
    if (continuous_) {
      spec_.actions = {{.name = "amount", .shape = {1}, .low = {-1}, .high = {1}}};
    } else {
      spec_.actions = {{.name = "amount", .dtype = DType::i64, .low = {0}, .high = {2}}};
    }
    if (defect_ == Defect::bad_spec) spec_.actions.clear();
  }

  const EnvironmentSpec& spec() const override { return spec_; }

  void reset(std::uint64_t seed, Fields observation) override {
    steps_ = 0;
    running_ = true;
    count_ = defect_ == Defect::unseeded ? 3.0 : static_cast<double>(seed % 8);
    observe(observation);
  }

  StepResult step(ConstFields action, Fields observation) override {
    if (!running_ && defect_ != Defect::steps_after_end) refuse();
    if (defect_ == Defect::changes_before_refusal) ++count_;
    const double amount = read(action);
    count_ = std::clamp(count_ + amount, 0.0, 64.0);
    ++steps_;
    const bool at_end = defect_ != Defect::endless && steps_ >= 20;
    running_ = !at_end;
    observe(observation);
    return {.reward = defect_ == Defect::reward_beyond_bounds ? 5.0F : static_cast<float>(amount),
            .terminated = at_end && defect_ == Defect::both_flags,
            .truncated = at_end};
  }

  std::optional<Bytes> save_state() const override {
    ByteWriter out;
    out.put(defect_ == Defect::forgets_on_save ? 0.0 : count_);
    out.put(steps_);
    out.put(static_cast<std::uint8_t>(running_));
    return out.take();
  }

  void load_state(std::span<const std::byte> state) override {
    if (defect_ == Defect::believes_any_state && state.size() != 17) return;
    ByteReader in(state, "Counter");
    const auto count = in.get<double>();
    const auto steps = in.get<std::int64_t>();
    const bool running = in.get<std::uint8_t>() != 0;
    in.expect_end();
    count_ = count;
    steps_ = steps;
    running_ = running;
  }

 private:
  [[noreturn]] static void refuse() { throw Error({.where = "Counter", .what = "refused"}); }

  double read(ConstFields action) const {
    if (!continuous_) {
      const auto choice = *action.as<std::int64_t>(0);
      if (choice < 0 || choice > 2) {
        if (defect_ != Defect::takes_any_action) refuse();
        return 0.0;
      }
      return static_cast<double>(choice);
    }
    const double amount = *action.as<float>(0);
    if (!(amount == amount)) refuse();
    return defect_ == Defect::not_clipped ? std::clamp(amount, -2.0, 2.0)
                                          : std::clamp(amount, -1.0, 1.0);
  }

  void observe(Fields observation) const {
    float* row = observation.as<float>(0);
    row[0] = static_cast<float>(count_);
    if (defect_ == Defect::beyond_bounds) row[0] = 65.0F;
    if (defect_ == Defect::not_finite) row[0] = 0.0F / static_cast<float>(steps_ * 0);
    if (defect_ != Defect::unwritten) row[1] = static_cast<float>(steps_);
    if (defect_ == Defect::overruns_row) row[2] = 0.0F;
  }

  Defect defect_;
  bool continuous_;
  EnvironmentSpec spec_;
  double count_ = 0.0;
  std::int64_t steps_ = 0;
  bool running_ = false;
};

bool finds(Defect defect, bool continuous, const std::string& part) {
  const auto defects = find_environment_defects(
      [&] { return std::make_unique<Counter>(defect, continuous); }, {.steps = 300});
  return std::any_of(defects.begin(), defects.end(),
                     [&](const std::string& text) { return text.find(part) != std::string::npos; });
}

}  // namespace

TEST_SUITE("environment conformance") {
  TEST_CASE("every built-in environment keeps the contract of environments") {
    for (const EnvironmentRow& row : builtin_environments().rows()) {
      INFO(row.name);
      check_environment(row.make, {.depends_on_seed = kSameForEverySeed.count(row.name) == 0});
    }
  }

  TEST_CASE("the kit finds nothing wrong with a right environment") {
    for (const bool continuous : {false, true}) {
      check_environment([&] { return std::make_unique<Counter>(Defect::none, continuous); });
    }
  }

  TEST_CASE("the kit finds each defect there can be") {
    CHECK(finds(Defect::unwritten, false, "not written"));
    CHECK(finds(Defect::unseeded, false, "a different seed changes nothing"));
    CHECK(finds(Defect::beyond_bounds, false, "leaves its bounds"));
    CHECK(finds(Defect::not_finite, false, "not finite"));
    CHECK(finds(Defect::reward_beyond_bounds, false, "reward leaves the bounds"));
    CHECK(finds(Defect::both_flags, false, "both terminated and truncated"));
    CHECK(finds(Defect::endless, false, "beyond max_episode_steps"));
    CHECK(finds(Defect::steps_after_end, false, "after the end of an episode"));
    CHECK(finds(Defect::steps_after_end, false, "before the first reset"));
    CHECK(finds(Defect::takes_any_action, false, "action outside the spec"));
    CHECK(finds(Defect::changes_before_refusal, false, "changes the state before"));
    CHECK(finds(Defect::not_clipped, true, "not clipped"));
    CHECK(finds(Defect::forgets_on_save, false, "continue exactly"));
    CHECK(finds(Defect::believes_any_state, false, "damaged saved state"));
    CHECK(finds(Defect::overruns_row, false, "behind the end of a row"));
    CHECK(finds(Defect::bad_spec, false, "spec is not valid"));
  }
}

}  // namespace rl
