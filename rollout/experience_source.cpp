#include "rollout/experience_source.h"

#include "rl/rollout/collector.h"
#include "rl/rollout/text_collector.h"

namespace rl::rollout {
namespace {

constexpr std::size_t kAsyncSteps = 16;  // steps between looks for newer weights

std::shared_ptr<const FragmentSchema> schema_of(const EnvironmentSpec& spec) {
  return std::make_shared<const FragmentSchema>(make_schema(spec));
}

class Environments final : public ExperienceSource {
 public:
  Environments(const RunConfig& config, EnvironmentRange range,
               const EnvironmentRegistry& registry, const Assignment& assignment)
      : config_(config),
        factory_([this, &registry] { return registry.make(config_.environment); }),
        spec_(factory_()->spec()),
        schema_(schema_of(spec_)),
        collector_(config_, range, factory_, schema_, assignment) {}

  const std::shared_ptr<const FragmentSchema>& schema() const override { return schema_; }

  void load(const WeightSnapshot& snapshot) override {
    if (policy_ == nullptr) {
      policy_ = make_policy(spec_, snapshot);
    } else {
      policy_->load(snapshot);
    }
  }

  bool collect(std::uint64_t round, const Sink& sink, const Tick&) override {
    return collector_.collect(*policy_, round > 0 ? config_.steps_per_round : kAsyncSteps, round,
                              sink);
  }
  bool needs_weights() const override { return config_.mode == Mode::lockstep; }
  // In lockstep every fragment ended with its round.
  void finish(const Sink& sink) override {
    if (config_.mode == Mode::async) collector_.finish_open(sink);
  }
  std::uint64_t num_steps() const override { return collector_.num_steps(); }

 private:
  RunConfig config_;
  EnvironmentFactory factory_;
  EnvironmentSpec spec_;
  std::shared_ptr<const FragmentSchema> schema_;
  Collector collector_;
  std::unique_ptr<Policy> policy_;
};

// Says once what happens for the first time, and all of it at the end.
class Texts final : public ExperienceSource {
 public:
  Texts(const RunConfig& config, EnvironmentRange range, const WorkerRunOptions& options,
        const std::function<void(const std::string&)>& log)
      : text_(*config.text),
        schema_(schema_of(text_spec(*config.text))),
        collector_(config, range, schema_, *options.verifiers, options.generator,
                   options.make_generator),
        log_(log) {}

  const std::shared_ptr<const FragmentSchema>& schema() const override { return schema_; }
  void load(const WeightSnapshot& snapshot) override {
    collector_.load(snapshot);
    version_ = snapshot.version;
  }
  bool collect(std::uint64_t round, const Sink& sink, const Tick& tick) override {
    // Rounds before the version's own were learned from.
    const bool whole =
        round > 0 ? collector_.collect(round, sink, tick)
                  : collector_.step(version_, newest_round_to_begin(text_, version_), sink, tick);
    report(false);
    return whole;
  }
  bool needs_weights() const override { return collector_.idle(); }
  void finish(const Sink&) override { report(true); }  // a text that has not ended is nothing
  std::uint64_t num_steps() const override { return collector_.num_steps(); }

 private:
  void report(bool at_end) {
    const TextCounts counts = collector_.counts();
    const auto say = [&](std::uint64_t count, bool& said, const std::string& what,
                         const std::string& last) {
      if (count > 0 && (at_end || !said)) log_(std::to_string(count) + what + last);
      said = said || count > 0;
    };
    say(counts.excluded_prompts, excluded_said_, " prompts passed over, the last: ",
        counts.last_excluded);
    say(counts.verdicts.unscored, unscored_said_, " texts could not be scored, the last: ",
        counts.last_trouble);
  }

  TextRunConfig text_;
  std::uint64_t version_ = 0;  // of the loaded weights
  std::shared_ptr<const FragmentSchema> schema_;
  TextCollector collector_;
  std::function<void(const std::string&)> log_;
  bool excluded_said_ = false;
  bool unscored_said_ = false;
};

}  // namespace

std::unique_ptr<ExperienceSource> make_environment_source(const RunConfig& config,
                                                          EnvironmentRange range,
                                                          const EnvironmentRegistry& registry,
                                                          const Assignment& assignment) {
  return std::make_unique<Environments>(config, range, registry, assignment);
}

std::unique_ptr<ExperienceSource> make_text_source(
    const RunConfig& config, EnvironmentRange range, const WorkerRunOptions& options,
    const std::function<void(const std::string&)>& log) {
  return std::make_unique<Texts>(config, range, options, log);
}

}  // namespace rl::rollout
