#include "learner/language/policy_algorithm.h"

#include <algorithm>
#include <map>
#include <optional>

#include "learner/language/critic.h"
#include "learner/language/group_selection.h"
#include "learner/language/learning_rate_schedule.h"
#include "learner/language/policy_optimiser.h"
#include "learner/language/policy_setup.h"
#include "learner/language/round_metrics.h"
#include "learner/updates/device.h"
#include "rl/core/clock.h"
#include "rl/core/error.h"
#include "rl/formats/digest.h"

namespace rl {
namespace {

constexpr std::size_t kRoundsHeld = 2;  // table capacity

// Frozen weights and the reference are those of the first start.
void require_same_start(const SafetensorsView& state, const std::string& key,
                        const std::string& digest, const std::string& what) {
  const auto recorded = state.metadata().find(key);
  if (recorded != state.metadata().end() && recorded->second == digest) return;
  throw Error({.where = "language policy state",
               .what = "the run began from another " + what,
               .expected = recorded == state.metadata().end() ? "a recorded one" : recorded->second,
               .got = digest,
               .remedy = "name the " + what + " of the first start"});
}

// Nats per text that learns: the sum over its tokens of log p_old - log p_reference.
double mean_kl(const std::vector<LearningText>& texts) {
  double sum = 0.0, count = 0.0;
  for (const LearningText& text : texts) {
    if (!text.learns) continue;
    count += 1.0;
    for (const double part : kl_parts(text)) sum += part;
  }
  return sum / count;
}

class Stopwatch {
 public:
  double seconds() {
    const Nanoseconds now = steady_clock().now();
    const double passed = std::chrono::duration<double>(now - begun_).count();
    begun_ = now;
    return passed;
  }

 private:
  Nanoseconds begun_ = steady_clock().now();
};

}  // namespace

struct LanguagePolicyAlgorithm::Impl {
  Impl(const LanguageTrainOptions& train, const language::ModelImage& start);

  std::vector<FragmentPtr> draw(replay::Table& table, UpdateReport& report) const;
  bool sampler_is_exact(const std::vector<LearningText>& texts) const;
  void set_log_probs(std::vector<LearningText>& texts, bool exact);
  void describe(const std::vector<LearningText>& texts, std::map<std::string, double>& metrics);
  bool enough(std::vector<LearningText>& texts, replay::Table& table, UpdateReport& report);
  void learn(std::vector<LearningText>& texts, const TrainingProgress& progress,
             UpdateReport& report);
  void advise(std::vector<LearningText>& texts, UpdateReport& report) const;
  void learn_values(std::vector<LearningText>& texts, UpdateReport& report);
  double learning_rate(const TrainingProgress& progress) const;
  RngStream order() const { return {options.run.seed, RngRole::minibatch, num_updates}; }
  std::size_t places() const { return options.prompts * options.group; }

  LanguageTrainOptions options;
  LanguagePolicyOptions policy;
  language::ModelImage texts_of;   // all but the weights
  TextLimits limits;
  std::string start_digest;
  LanguageModel model;
  std::unique_ptr<LanguageModel> reference;
  Adam adam;
  PolicyOptimiser optimiser;
  RoundFacts facts;
  std::unique_ptr<Critic> critic;  // of Baseline::critic
  std::string critic_digest;
  std::uint64_t num_updates = 0;
  std::uint64_t rounds = 0;           // before the one at hand
  std::uint64_t described_round = 0;  // the last one
  std::uint64_t rounds_sampled = 0;   // for the update to come
};

LanguagePolicyAlgorithm::Impl::Impl(const LanguageTrainOptions& train,
                                    const language::ModelImage& start)
    : options(train),
      policy(policy_options(train)),
      texts_of(start),
      limits(text_limits(train, start.config.context)),
      start_digest(to_hex(digest(language::write_model_image(start)))),
      model(start.config, start.weights, open_device(train.run.device), model_options(train)),
      adam(model.parameters(), adam_options(train)),
      optimiser({.policy = policy,
                 .temperature = train.temperature,
                 .max_new_tokens = train.max_new_tokens,
                 .micro_batch_tokens = train.micro_batch_tokens},
                model, adam) {
  if (policy.kl_coefficient > 0.0) {
    LanguageModelOptions frozen = model_options(train);
    frozen.lora = {};
    reference = std::make_unique<LanguageModel>(start.config, start.weights,
                                                model.parameters().device(), frozen);
  }
  if (policy.baseline == Baseline::critic) {
    const CriticStart first = critic_start(train, start);
    critic = std::make_unique<Critic>(train, first, model_options(train),
                                      model.parameters().device());
    critic_digest = first.digest;
  }
  texts_of.weights = {};
  facts.rewards = reward_names(train.rewards, !train.data.empty());
  if (train.run.mode == "async") facts.max_staleness = train.max_staleness;
}

std::vector<FragmentPtr> LanguagePolicyAlgorithm::Impl::draw(replay::Table& table,
                                                             UpdateReport& report) const {
  std::vector<FragmentPtr> fragments;
  while (auto items = table.sample(1, std::chrono::milliseconds(0))) {
    fragments.push_back(items->front().fragment);
    report.steps_consumed += fragments.back()->num_steps();
  }
  return fragments;
}

// On the CPU the learner's log-prob of a token has the bits of the sampler's, by the same weights
// from the text's beginning: in async new ones may come while older keys and values are in use.
bool LanguagePolicyAlgorithm::Impl::sampler_is_exact(const std::vector<LearningText>& texts) const {
  if (options.recompute_log_probs || options.run.device != "cpu") return false;
  if (options.sample_with != "kernels") return false;
  if (options.run.mode != "lockstep") return false;
  return std::ranges::all_of(texts, [&](const LearningText& text) {
    const rollout::TextEpisode& episode = text.episode;
    for (std::size_t i = 0; i < episode.tokens.size(); ++i) {
      if (episode.sampled[i] &&
          episode.versions[i] < static_cast<std::int64_t>(facts.weights_since)) {
        return false;
      }
    }
    return true;
  });
}

void LanguagePolicyAlgorithm::Impl::set_log_probs(std::vector<LearningText>& texts, bool exact) {
  Texts all;
  for (LearningText& text : texts) all.push_back(&text);
  const auto fill = [&](LanguageModel& scorer, std::vector<float> LearningText::*column) {
    auto scores = score_texts(scorer, all, options.temperature, options.micro_batch_tokens);
    for (std::size_t i = 0; i < all.size(); ++i) all[i]->*column = std::move(scores[i]);
  };
  if (exact) {
    for (LearningText& text : texts) text.old_log_probs = text.sampler_log_probs;
  } else {
    fill(model, &LearningText::old_log_probs);
  }
  if (reference) fill(*reference, &LearningText::reference_log_probs);
}

// What rounds that are new were like, before anything is dropped from them.
void LanguagePolicyAlgorithm::Impl::describe(const std::vector<LearningText>& texts,
                                             std::map<std::string, double>& metrics) {
  std::vector<const LearningText*> fresh;
  const std::uint64_t known = described_round;
  for (const LearningText& text : texts) {
    if (rounds_sampled > 0 && text.episode.round <= known) continue;
    fresh.push_back(&text);
    described_round = std::max(described_round, text.episode.round);
  }
  if (fresh.empty()) return;
  describe_round(fresh, facts, metrics);
  if (!critic) metrics["groups/zero_variance"] = zero_variance_share(policy, limits, fresh);
}

// False: too few groups teach something. Those that do wait in the table for another round.
bool LanguagePolicyAlgorithm::Impl::enough(std::vector<LearningText>& texts, replay::Table& table,
                                           UpdateReport& report) {
  if (!policy.drop_zero_variance || options.max_resample == 1) return true;
  GroupSelection selection = select_groups(policy, limits, std::move(texts), options.prompts);
  report.fragments_zero_variance = selection.zero_variance;
  report.fragments_surplus = selection.surplus;
  texts = std::move(selection.kept);
  ++rounds_sampled;
  report.needs_more =
      selection.groups < options.prompts && rounds_sampled < options.max_resample;
  if (report.needs_more) {
    for (const LearningText& text : texts) {
      if (table.insert(text.fragment, std::chrono::milliseconds(0))) continue;
      throw Error({.where = "LanguagePolicyAlgorithm",
                   .what = "the table does not take back the texts that wait for more",
                   .remedy = "use a table made with table_options()"});
    }
    return false;
  }
  report.metrics["groups/learned"] = static_cast<double>(selection.groups);
  report.metrics["groups/rounds_sampled"] = static_cast<double>(rounds_sampled);
  rounds_sampled = 0;
  return true;
}

void LanguagePolicyAlgorithm::Impl::learn(std::vector<LearningText>& texts,
                                          const TrainingProgress& progress, UpdateReport& report) {
  Stopwatch watch;
  const bool exact = sampler_is_exact(texts);
  set_log_probs(texts, exact);
  report.metrics["time/score_seconds"] = watch.seconds();
  if (reference) report.metrics["policy/kl_completion"] = mean_kl(texts);
  advise(texts, report);
  if (critic) {
    learn_values(texts, report);
    report.metrics["time/critic_seconds"] = watch.seconds();
    if (num_updates < options.critic.warmup_rounds) return;
  }
  const double rate = learning_rate(progress);
  PolicyOutcome outcome = optimiser.run(texts, rate, !exact, order());
  report.gradient_steps = outcome.gradient_steps;
  report.skipped_steps += outcome.skipped_steps;
  report.metrics.merge(outcome.metrics);
  report.metrics["learning_rate"] = rate;
  report.metrics["learner/idle_steps"] = static_cast<double>(outcome.idle_steps);
  report.metrics["time/learn_seconds"] = watch.seconds();
}

// Advantages, by the critic where there is one.
void LanguagePolicyAlgorithm::Impl::advise(std::vector<LearningText>& texts,
                                           UpdateReport& report) const {
  if (critic) {
    set_rewards(policy, limits, texts);
    report.metrics.merge(critic->judge(texts));
    return;
  }
  set_advantages(policy, limits, texts);
}

// Before the policy's steps or after is the same: neither sees the other's weights.
void LanguagePolicyAlgorithm::Impl::learn_values(std::vector<LearningText>& texts,
                                                 UpdateReport& report) {
  CriticOutcome outcome = critic->learn(texts, options.critic_learning_rate, order());
  report.skipped_steps = outcome.skipped_steps;
  report.metrics.merge(outcome.metrics);
}

// Rounds of the critic alone are no part of the policy's schedule.
double LanguagePolicyAlgorithm::Impl::learning_rate(const TrainingProgress& progress) const {
  const std::uint64_t before = critic ? options.critic.warmup_rounds : 0;
  return learning_rate_at({.highest = options.learning_rate,
                           .warmup_steps = options.warmup_rounds,
                           .total_steps = progress.total_steps - before,
                           .cosine = options.schedule == "cosine"},
                          rounds - before);
}

LanguagePolicyAlgorithm::LanguagePolicyAlgorithm(const LanguageTrainOptions& options,
                                                 const language::ModelImage& start) {
  validate(options);
  impl_ = std::make_unique<Impl>(options, start);
}

LanguagePolicyAlgorithm::~LanguagePolicyAlgorithm() = default;

replay::TableOptions LanguagePolicyAlgorithm::table_options() const {
  return {.name = "texts",
          .unit = replay::ItemUnit::fragment,
          .sampler = replay::Selector::fifo,
          .remover = replay::Selector::fifo,
          .capacity_steps = kRoundsHeld * impl_->places() * impl_->limits.max_tokens,
          .max_times_sampled = 1};
}

std::size_t LanguagePolicyAlgorithm::steps_per_round() const { return impl_->limits.max_tokens; }

std::optional<UpdateReport> LanguagePolicyAlgorithm::update(replay::Table& table,
                                                            const TrainingProgress& progress) {
  if (table.num_items() == 0) return std::nullopt;
  UpdateReport report;
  const std::vector<FragmentPtr> fragments = impl_->draw(table, report);
  std::size_t unusable = 0;
  std::vector<LearningText> texts = read_texts(fragments, impl_->policy, impl_->limits, unusable);
  report.metrics["completions/unusable"] = static_cast<double>(unusable);
  impl_->describe(texts, report.metrics);
  if (impl_->enough(texts, table, report)) {
    if (texts.empty()) {
      report.metrics["learner/idle_steps"] = 1.0;
    } else {
      impl_->learn(texts, progress, report);
    }
    if (report.gradient_steps > 0) impl_->facts.weights_since = progress.weight_version + 1;
    ++impl_->num_updates;
  }
  ++impl_->rounds;
  return report;
}

Bytes LanguagePolicyAlgorithm::weights_image(const TrainingProgress&) const {
  language::ModelImage image = impl_->texts_of;
  image.weights = impl_->model.snapshot();
  return language::write_model_image(image);
}

Bytes LanguagePolicyAlgorithm::save_state() const {
  StateDict state;
  const Parameters& parameters = impl_->model.parameters();
  parameters.put(state, "", parameters.values());
  impl_->adam.put(state);
  state.put("num_updates", impl_->num_updates);
  state.put("rounds", impl_->rounds);
  state.put("weights_since", impl_->facts.weights_since);
  state.put("described_round", impl_->described_round);
  state.put("rounds_sampled", impl_->rounds_sampled);
  std::map<std::string, std::string> facts{{"corral.algorithm", impl_->options.run.algorithm},
                                           {"corral.start", impl_->start_digest}};
  if (impl_->critic) {
    impl_->critic->put(state);
    facts["corral.critic_start"] = impl_->critic_digest;
  }
  return state.write(facts);
}

void LanguagePolicyAlgorithm::load_state(std::span<const std::byte> image) {
  const SafetensorsView view(image, "language policy state");
  require_same_start(view, "corral.start", impl_->start_digest, "model");
  if (impl_->critic) {
    require_same_start(view, "corral.critic_start", impl_->critic_digest, "critic");
  }
  const Parameters& parameters = impl_->model.parameters();
  const at::Tensor values = parameters.read(view, "");
  const std::uint64_t num_updates = read_count(view, "num_updates");
  const std::uint64_t rounds = read_count(view, "rounds");
  const std::uint64_t weights_since = read_count(view, "weights_since");
  const std::uint64_t described_round = read_count(view, "described_round");
  const std::uint64_t rounds_sampled = read_count(view, "rounds_sampled");
  std::optional<Critic::State> critic;
  if (impl_->critic) critic = impl_->critic->read(view);
  impl_->adam.load(view);
  if (critic) impl_->critic->set(std::move(*critic));
  impl_->num_updates = num_updates;
  impl_->rounds = rounds;
  impl_->facts.weights_since = weights_since;
  impl_->described_round = described_round;
  impl_->rounds_sampled = rounds_sampled;
  parameters.values().copy_(values);
}

LanguageModel& LanguagePolicyAlgorithm::model() { return impl_->model; }
const ScalarModel* LanguagePolicyAlgorithm::critic() const {
  return impl_->critic ? &impl_->critic->model() : nullptr;
}

const std::string& LanguagePolicyAlgorithm::start_digest() const { return impl_->start_digest; }

}  // namespace rl
