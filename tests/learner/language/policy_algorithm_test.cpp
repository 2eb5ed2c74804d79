#include "learner/language/policy_algorithm.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "rl/algorithms/registry.h"
#include "rl/core/error.h"
#include "tests/learner/language/rounds.h"
#include "tests/support/torch_doctest.h"

namespace rl {
namespace {

using tests::mixed_round;
using tests::policy_run;
using tests::Sample;
using tests::Student;

// Equal rewards everywhere.
std::vector<Sample> settled_round() {
  std::vector<Sample> samples = mixed_round();
  for (Sample& sample : samples) sample.score = 0.1;
  return samples;
}

}  // namespace

TEST_SUITE("language policy algorithm") {
  TEST_CASE("what was rewarded becomes likelier, what was not less likely, whatever the preset") {
    for (const auto& row : language_policy_descriptions()) {
      CAPTURE(row.name);
      LanguageTrainOptions options = policy_run(std::string(row.name));
      options.policy.epochs = 1;
      options.adam_epsilon = 1.0;  // steps along the gradient
      options.learning_rate = 0.5;
      Student student(options);
      const std::vector<Sample> samples = mixed_round();
      std::vector<double> before;
      for (const Sample& sample : samples) {
        before.push_back(tests::log_prob_of(student.algorithm.model(), sample));
      }
      const UpdateReport report = student.learn(samples);
      CHECK(report.gradient_steps == 1);
      for (const std::size_t right : {0, 4}) {
        CHECK(tests::log_prob_of(student.algorithm.model(), samples[right]) > before[right]);
      }
      double wrong = 0.0;
      for (const std::size_t i : {1, 2, 3, 5}) {
        wrong += tests::log_prob_of(student.algorithm.model(), samples[i]) - before[i];
      }
      CHECK(wrong < 0.0);
    }
  }

  TEST_CASE("at the first update the ratio is exactly 1: sampler and learner agree to the bit") {
    for (const double temperature : {1.0, 0.7}) {
      LanguageTrainOptions options = policy_run();
      options.temperature = temperature;
      Student student(options);
      const UpdateReport report = student.learn(mixed_round());
      CHECK(report.metrics.at("policy/ratio_min") == 1.0);
      CHECK(report.metrics.at("policy/ratio_max") == 1.0);
      CHECK(report.metrics.at("policy/sampler_difference_max") == 0.0);
      CHECK(report.metrics.at("policy/clip_low") == 0.0);
      CHECK(report.metrics.at("policy/staleness") == 0.0);
    }
  }

  TEST_CASE("recomputing the log-probs changes no bit where they are exact") {
    LanguageTrainOptions options = policy_run();
    Student plain(options);
    options.recompute_log_probs = true;
    Student recomputing(options);
    plain.learn(mixed_round());
    recomputing.learn(mixed_round());
    CHECK(plain.weights().equal(recomputing.weights()));
  }

  TEST_CASE("how the round is cut into micro-batches changes nothing but the rounding") {
    for (const char* name : {"grpo", "dapo", "dr-grpo", "gspo"}) {
      CAPTURE(name);
      LanguageTrainOptions options = policy_run(name);
      options.adam_epsilon = 1.0;  // steps along the gradient
      Student whole(options);
      const at::Tensor start = whole.weights();
      whole.learn(mixed_round());
      const at::Tensor moved = whole.weights() - start;
      CHECK(moved.norm().item<float>() > 0.0F);
      for (const std::size_t budget : {1, 7, 16}) {
        CAPTURE(budget);
        options.micro_batch_tokens = budget;
        Student split(options);
        split.learn(mixed_round());
        const at::Tensor difference = split.weights() - start - moved;
        CHECK(difference.norm().item<float>() < 1e-4F * moved.norm().item<float>());
      }
    }
  }

  TEST_CASE("a text without a score is as if it had not been sampled") {
    Student without(policy_run());
    without.learn(mixed_round());
    std::vector<Sample> samples = mixed_round();
    samples.push_back({.prompt = "2+2=", .completion = "5", .score = 7.0, .group = 2,
                       .scored = false});
    Student with(policy_run());
    const UpdateReport report = with.learn(samples);
    CHECK(with.weights().equal(without.weights()));
    CHECK(report.metrics.at("completions/unscored") == doctest::Approx(1.0 / 7.0));
    CHECK(report.metrics.at("reward/mean") == doctest::Approx(2.0 / 6.0));
  }

  TEST_CASE("equal rewards leave every bit, whatever momentum an earlier round left") {
    for (const auto& row : language_policy_descriptions()) {
      CAPTURE(row.name);
      // To a critic equal rewards are better or worse than it thought.
      const LanguageTrainOptions options = policy_run(std::string(row.name));
      if (options.policy.baseline == Baseline::critic) continue;
      Student student(options);
      student.learn(mixed_round());
      const Bytes before = student.algorithm.weights_image({});
      const UpdateReport report = student.learn(settled_round());
      // Whitened over all tokens, rewards to go of 0.1 each are the mean: nothing is left either.
      CHECK(report.gradient_steps == 0);
      CHECK(report.metrics.at("learner/idle_steps") == 1.0);
      CHECK(report.metrics.at("groups/zero_variance") == 1.0);
      CHECK(std::ranges::equal(student.algorithm.weights_image({}), before));
    }
  }

  TEST_CASE("groups that all agree are left out of the denominators when that is asked") {
    std::vector<Sample> samples = mixed_round();
    for (std::size_t i = 3; i < 6; ++i) samples[i].score = 0.0;
    LanguageTrainOptions options = policy_run();
    Student keeping(options);
    const UpdateReport kept = keeping.learn(samples);
    options.policy.drop_zero_variance = true;
    Student dropping(options);
    const UpdateReport dropped = dropping.learn(samples);
    CHECK(kept.metrics.at("groups/zero_variance") == 0.5);
    CHECK(dropped.metrics.at("groups/zero_variance") == 0.5);
    CHECK(kept.metrics.at("learner/tokens") == 2 + 3 + 2 + 3 + 2 + 5);
    CHECK(dropped.metrics.at("learner/tokens") == 2 + 3 + 2);
    // Half the texts in the mean, so twice the gradient.
    CHECK(dropped.metrics.at("gradient_norm") ==
          doctest::Approx(2.0 * kept.metrics.at("gradient_norm")).epsilon(1e-4));
  }

  TEST_CASE("a truncated text can be kept from teaching, and a long one punished") {
    std::vector<Sample> samples = mixed_round();
    samples[5].truncated = true;
    LanguageTrainOptions options = policy_run();
    options.policy.mask_truncated = true;
    Student masking(options);
    const UpdateReport report = masking.learn(samples);
    CHECK(report.metrics.at("completions/truncated") == doctest::Approx(1.0 / 6.0));
    CHECK(report.metrics.at("learner/tokens") == 2 + 3 + 2 + 3 + 2);

    options = policy_run();
    options.max_new_tokens = 5;
    options.policy.overlong_buffer = 2;
    Student punishing(options);
    std::vector<Sample> equal = settled_round();
    CHECK(punishing.learn(equal).gradient_steps == 1);  // "aaaa" and its stop token are 5
  }

  TEST_CASE("the model of the start holds the policy back, by the loss or by the reward") {
    for (const bool in_reward : {false, true}) {
      CAPTURE(in_reward);
      LanguageTrainOptions options = policy_run();
      options.policy.kl_coefficient = 0.5;
      options.policy.kl_in_reward = in_reward;
      Student student(options);
      CHECK(student.learn(mixed_round()).metrics.at("policy/kl") == 0.0);
      for (int round = 0; round < 5; ++round) student.learn(mixed_round());
      const UpdateReport moved = student.learn(settled_round());
      CHECK(moved.metrics.at("policy/kl") > 0.0);
      CHECK(moved.gradient_steps == 1);  // equal scores, but not equally far from the start
    }
  }

  TEST_CASE("epochs and minibatches make as many steps") {
    LanguageTrainOptions options = policy_run();
    options.policy.epochs = 2;
    options.policy.minibatches = 3;
    options.learning_rate = 1e-2;
    Student student(options);
    const UpdateReport report = student.learn(mixed_round());
    CHECK(report.gradient_steps == 6);
    CHECK(report.metrics.at("policy/ratio_max") > 1.0);
    CHECK(report.metrics.at("policy/ratio_min") < 1.0);
    CHECK(report.metrics.at("policy/sampler_difference_max") == 0.0);  // before the first step
  }

  TEST_CASE("the order in which texts arrive does not matter") {
    Student in_order(policy_run());
    in_order.learn(mixed_round());
    Student reversed(policy_run());
    std::vector<FragmentPtr> fragments;
    reversed.give(mixed_round());
    while (auto items = reversed.table.sample(1, std::chrono::milliseconds(0))) {
      fragments.insert(fragments.begin(), items->front().fragment);
    }
    for (const auto& fragment : fragments) {
      reversed.table.insert(fragment, std::chrono::milliseconds(0));
    }
    reversed.update();
    CHECK(reversed.weights().equal(in_order.weights()));
  }

  TEST_CASE("values that are not finite leave no trace, and are counted") {
    Student student(policy_run());
    const Bytes before = student.algorithm.weights_image({});
    rollout::TextEpisode poisoned = tests::episode_of(mixed_round()[0], 0);
    poisoned.log_probs.back() = std::numeric_limits<float>::quiet_NaN();
    student.put(poisoned);
    const UpdateReport report = student.update();
    CHECK(report.skipped_steps == 1);
    CHECK(report.gradient_steps == 0);
    CHECK(std::ranges::equal(student.algorithm.weights_image({}), before));
  }

  TEST_CASE("a fragment that is not a text within the limits is left out and counted") {
    Student student(policy_run());
    rollout::TextEpisode endless = tests::episode_of(
        {.prompt = std::string(20, '1'), .completion = std::string(6, '2'), .score = 1.0}, 6);
    student.put(endless);
    auto fragment = std::make_shared<Fragment>(student.schema, 3, 0);
    student.table.insert(fragment, std::chrono::milliseconds(0));
    const UpdateReport report = student.learn(mixed_round());
    CHECK(report.metrics.at("completions/unusable") == 2.0);
    Student undisturbed(policy_run());
    undisturbed.learn(mixed_round());
    CHECK(student.weights().equal(undisturbed.weights()));
  }

  TEST_CASE("the mean of micro-batches depends on the cut, unlike all others") {
    LanguageTrainOptions options = policy_run();
    options.aggregation = "micro-batch-mean";
    options.adam_epsilon = 1.0;  // steps along the gradient
    Student whole(options);
    const at::Tensor start = whole.weights();
    whole.learn(mixed_round());
    options.aggregation = "token-mean";
    Student token_mean(options);
    token_mean.learn(mixed_round());
    CHECK(whole.weights().equal(token_mean.weights()));  // one micro-batch

    // Cut before every text: the mean of the texts' token means, which is sequence_mean.
    options.aggregation = "micro-batch-mean";
    options.micro_batch_tokens = 1;
    Student cut(options);
    cut.learn(mixed_round());
    options.aggregation = "sequence-mean";
    Student sequence_mean(options);
    sequence_mean.learn(mixed_round());
    const at::Tensor moved = sequence_mean.weights() - start;
    const auto apart = [&](Student& other) {
      return (other.weights() - start - moved).norm().item<float>();
    };
    CHECK(apart(cut) < 1e-4F * moved.norm().item<float>());
    CHECK(apart(whole) > 1e-2F * moved.norm().item<float>());
  }

  TEST_CASE("the baseline can be chosen apart from the algorithm") {
    LanguageTrainOptions options = policy_run();
    Student own(options);
    own.learn(mixed_round());
    options.baseline = "batch-std";
    Student other(options);
    other.learn(mixed_round());
    CHECK_FALSE(own.weights().equal(other.weights()));
    options.baseline = "group-std";
    Student same(options);
    same.learn(mixed_round());
    CHECK(own.weights().equal(same.weights()));
    options.baseline = "group";
    CHECK_THROWS_WITH_AS(Student{options}, doctest::Contains("group-std"), Error);
  }

  TEST_CASE("in async the learner's own log-probs are the old ones, and the sampler's weigh them") {
    LanguageTrainOptions options = policy_run();
    options.run.mode = "async";
    options.policy.importance_cap = 1.5;
    Student student(options);
    // The sampler found the first text's tokens half and a quarter as likely as the learner does.
    std::vector<Sample> samples = mixed_round();
    for (std::size_t place = 0; place < samples.size(); ++place) {
      rollout::TextEpisode episode = tests::episode_of(samples[place], place);
      const auto scores = tests::log_probs_of(student.algorithm.model(), episode);
      auto next = scores.begin();
      double factor = place == 0 ? 0.5 : 1.0;
      for (std::size_t i = 0; i < episode.tokens.size(); ++i) {
        if (!episode.sampled[i]) continue;
        episode.log_probs[i] = *next++ + static_cast<float>(std::log(factor));
        factor *= factor;
      }
      student.put(episode);
    }
    const UpdateReport report = student.update();
    CHECK(report.metrics.at("policy/ratio_min") == 1.0);
    CHECK(report.metrics.at("policy/ratio_max") == 1.0);
    CHECK(report.metrics.at("policy/importance_min") == doctest::Approx(1.0));
    CHECK(report.metrics.at("policy/importance_max") == doctest::Approx(4.0));
    const double tokens = 2 + 3 + 2 + 3 + 2 + 5;
    CHECK(report.metrics.at("policy/importance_mean") ==
          doctest::Approx((2.0 + 4.0 + tokens - 2.0) / tokens));
    CHECK(report.metrics.at("policy/sampler_difference_max") ==
          doctest::Approx(2.0 * std::log(2.0)));
  }

  // The texts of mixed_round() as another round's, some groups with equal rewards.
  static std::vector<rollout::TextEpisode> round_of(Student& student, std::uint64_t round,
                                                    const std::vector<bool>& teaches) {
    std::vector<rollout::TextEpisode> episodes;
    const std::vector<Sample> samples = mixed_round();
    for (std::size_t place = 0; place < samples.size(); ++place) {
      rollout::TextEpisode episode = tests::episode_of(samples[place], place);
      if (!teaches[place / 3]) episode.score = 0.0;
      episode.round = round;
      episode.versions.assign(episode.tokens.size(), static_cast<std::int64_t>(round));
      episode.group = (round - 1) * 2 + place / 3 + 1;
      const auto scores = tests::log_probs_of(student.algorithm.model(), episode);
      auto next = scores.begin();
      for (std::size_t i = 0; i < episode.tokens.size(); ++i) {
        if (episode.sampled[i]) episode.log_probs[i] = *next++;
      }
      episodes.push_back(episode);
    }
    return episodes;
  }

  static UpdateReport play(Student& student, std::uint64_t round,
                           const std::vector<bool>& teaches) {
    for (const auto& episode : round_of(student, round, teaches)) student.put(episode);
    return *student.algorithm.update(student.table,
                                     {.total_steps = 10, .weight_version = round});
  }

  TEST_CASE("rounds are sampled until every group of an update teaches something") {
    LanguageTrainOptions options = policy_run("dapo");
    options.max_resample = 3;
    Student student(options);
    const at::Tensor start = student.weights();
    const UpdateReport first = play(student, 1, {false, true});
    CHECK(first.needs_more);
    CHECK(first.gradient_steps == 0);
    CHECK(first.fragments_zero_variance == 3);
    CHECK(first.metrics.at("groups/zero_variance") == 0.5);
    CHECK(student.weights().equal(start));
    CHECK(student.table.num_items() == 3);

    // A kill here loses nothing: the waiting texts are the table's.
    Student resumed(options);
    resumed.algorithm.load_state(student.algorithm.save_state());
    resumed.table.load_state(student.table.save_state(), resumed.schema);

    const UpdateReport second = play(student, 2, {true, true});
    CHECK_FALSE(second.needs_more);
    CHECK(second.gradient_steps == 1);
    CHECK(second.fragments_surplus == 3);
    CHECK(second.metrics.at("groups/learned") == 2.0);
    CHECK(second.metrics.at("groups/rounds_sampled") == 2.0);
    CHECK(second.metrics.at("completions/tokens") == 2 + 3 + 2 + 3 + 2 + 5);  // of that round
    CHECK(second.metrics.at("policy/sampler_difference_max") == 0.0);  // the weights are the same
    CHECK(second.metrics.at("policy/staleness_max") == 0.0);
    CHECK(student.table.num_items() == 0);
    play(resumed, 2, {true, true});
    CHECK(resumed.weights().equal(student.weights()));
  }

  TEST_CASE("at the cap an update goes on with the groups there are, if any") {
    LanguageTrainOptions options = policy_run("dapo");
    options.max_resample = 2;
    Student some(options);
    CHECK(play(some, 1, {false, true}).needs_more);
    const UpdateReport last = play(some, 2, {false, false});
    CHECK_FALSE(last.needs_more);
    CHECK(last.gradient_steps == 1);
    CHECK(last.metrics.at("groups/learned") == 1.0);
    Student none(options);
    const at::Tensor start = none.weights();
    CHECK(play(none, 1, {false, false}).needs_more);
    const UpdateReport nothing = play(none, 2, {false, false});
    CHECK_FALSE(nothing.needs_more);
    CHECK(nothing.metrics.at("learner/idle_steps") == 1.0);
    CHECK(none.weights().equal(start));
    CHECK(play(none, 3, {true, true}).gradient_steps == 1);
  }

  TEST_CASE("a group with dead members, and empty completions, are learned from as they are") {
    // Only one member of the first group came; of the second, one sampled nothing but its end.
    Student student(policy_run());
    const std::vector<Sample> samples{{.prompt = "1+2=", .completion = "3", .score = 1.0},
                                      {.prompt = "2+2=", .completion = "", .group = 2},
                                      {.prompt = "2+2=", .completion = "4", .score = 1.0,
                                       .group = 2}};
    const UpdateReport report = student.learn(samples);
    CHECK(report.gradient_steps == 1);
    CHECK(report.metrics.at("completions/length_min") == 1.0);
    CHECK(report.metrics.at("groups/zero_variance") == 0.5);
    CHECK(report.skipped_steps == 0);
  }

  TEST_CASE("an empty table is no update") {
    Student student(policy_run());
    CHECK_FALSE(student.algorithm.update(student.table, {}));
  }

  TEST_CASE("saved and restored it goes on with the same bytes") {
    LanguageTrainOptions options = policy_run();
    options.policy.minibatches = 2;
    options.policy.kl_coefficient = 0.1;
    Student first(options);
    first.learn(mixed_round());
    Student second(options);
    second.algorithm.load_state(first.algorithm.save_state());
    first.learn(mixed_round());
    second.learn(mixed_round());
    CHECK(std::ranges::equal(first.algorithm.save_state(), second.algorithm.save_state()));
  }

  TEST_CASE("a state that began from another model is refused and changes nothing") {
    Student student(policy_run());
    language::NewModel wanted;
    wanted.hidden = 32;
    wanted.layers = 1;
    wanted.heads = 2;
    wanted.context = 32;
    wanted.seed = 2;
    const LanguagePolicyAlgorithm other(policy_run(),
                                        start_image(language::make_model(wanted), "other"));
    const Bytes before = student.algorithm.save_state();
    CHECK_THROWS_WITH_AS(student.algorithm.load_state(other.save_state()),
                         doctest::Contains("began from another model"), Error);
    CHECK(std::ranges::equal(student.algorithm.save_state(), before));
  }

  TEST_CASE("the weights image is the whole model, adapters merged in") {
    LanguageTrainOptions options = policy_run();
    options.lora_rank = 2;
    Student student(options);
    student.learn(mixed_round());
    const auto image = std::make_shared<const Bytes>(student.algorithm.weights_image({}));
    const language::ModelImage model = language::read_model_image(image, "image");
    CHECK(model.tokenizer_json == tests::tiny_image().tokenizer_json);
    CHECK(model.stop_ids == tests::tiny_image().stop_ids);
    LanguageModel again(model.config, model.weights, at::kCPU, {.threads = 1});
    const Sample sample = mixed_round()[0];
    CHECK(tests::log_prob_of(again, sample) ==
          tests::log_prob_of(student.algorithm.model(), sample));
  }

  TEST_CASE("texts that do not fit the model's context are refused at the start") {
    LanguageTrainOptions options = policy_run();
    options.max_new_tokens = 17;
    CHECK_THROWS_WITH_AS(Student{options}, doctest::Contains("context is too short"), Error);
  }
}

}  // namespace rl
