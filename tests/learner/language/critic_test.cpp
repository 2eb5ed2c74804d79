#include "learner/language/critic.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <limits>

#include "rl/algorithms/critic_advantages.h"
#include "rl/core/error.h"
#include "rl/language/model_files.h"
#include "tests/learner/language/rounds.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/torch_doctest.h"
#include "tests/support/errors.h"

namespace rl {
namespace {

using tests::contains;

using tests::mixed_round;
using tests::Sample;
using tests::Student;

LanguageTrainOptions ppo_run() {
  LanguageTrainOptions options = tests::policy_run("ppo");
  options.policy.epochs = 1;
  options.critic_learning_rate = 1e-2;
  return options;
}

// As ppo_run, from a critic that has an opinion, so that its whole gradient counts.
struct Taught : tests::TemporaryFolder {
  Taught() {
    language::ModelFolder folder = tests::tiny_model();
    folder.config.scalar_head = true;
    folder.weights = language::random_weights(folder.config, 5);
    language::save_model(path() / "critic", folder);
  }
  LanguageTrainOptions options() const {
    LanguageTrainOptions options = ppo_run();
    options.critic_model = (path() / "critic").string();
    return options;
  }
};

at::Tensor values_of(const Student& student) {
  return student.algorithm.critic()->parameters().values().clone();
}

double metric(const UpdateReport& report, const std::string& name) {
  CAPTURE(name);
  REQUIRE(report.metrics.contains(name));
  return report.metrics.at(name);
}

bool near(const at::Tensor& a, const at::Tensor& b, float scale) {
  return (a - b).norm().item<float>() < 1e-4F * scale;
}

std::string refusal(const LanguageTrainOptions& options) {
  return tests::message_of([&] { Student student(options); });
}

}  // namespace

TEST_SUITE("language policy: critic") {
  TEST_CASE("at the first update the ratio is exactly 1, and policy and critic both move") {
    Student student(ppo_run());
    const at::Tensor policy = student.weights();
    const at::Tensor critic = values_of(student);
    const UpdateReport report = student.learn(mixed_round());
    CHECK(metric(report, "policy/ratio_min") == 1.0);
    CHECK(metric(report, "policy/ratio_max") == 1.0);
    CHECK(metric(report, "policy/sampler_difference_max") == 0.0);
    CHECK(metric(report, "policy/kl_completion") == 0.0);
    CHECK(metric(report, "critic/value_mean") == 0.0);  // a head of zeros
    CHECK(metric(report, "critic/clip_fraction") == 0.0);
    CHECK(metric(report, "reward/shaped_mean") == doctest::Approx(2.0 / 6.0));
    CHECK_FALSE(student.weights().equal(policy));
    CHECK_FALSE(values_of(student).equal(critic));
  }

  TEST_CASE("the critic learns what texts are worth: its values explain the returns") {
    LanguageTrainOptions options = ppo_run();
    options.learning_rate = 1e-12;  // the policy all but stays
    options.critic.value_clip = 0.0;
    options.critic.lambda = options.critic.value_lambda = 1.0;
    options.policy.kl_coefficient = 0.0;
    Student student(options);
    const double first = metric(student.learn(mixed_round()), "critic/loss");
    for (int round = 0; round < 150; ++round) student.learn(mixed_round());
    const UpdateReport report = student.learn(mixed_round());
    // Samples of one problem have the same value before their first token, whatever becomes of
    // them: a third of the squares and 56 % of the variance are what can be had.
    CHECK(metric(report, "critic/loss") < 0.4 * first);
    CHECK(metric(report, "critic/explained_variance") > 0.45);
  }

  TEST_CASE("while it warms up the policy keeps every bit, its momentum too") {
    LanguageTrainOptions options = ppo_run();
    options.critic.warmup_rounds = 2;
    Student student(options);
    const Bytes start = student.algorithm.weights_image({});
    at::Tensor critic = values_of(student);
    for (int round = 0; round < 2; ++round) {
      const UpdateReport report = student.learn(mixed_round());
      CHECK(report.gradient_steps == 0);
      CHECK_FALSE(values_of(student).equal(critic));
      critic = values_of(student);
      CHECK(std::ranges::equal(student.algorithm.weights_image({}), start));
    }
    CHECK(student.learn(mixed_round()).gradient_steps == 1);
    CHECK_FALSE(std::ranges::equal(student.algorithm.weights_image({}), start));
  }

  TEST_CASE("how the round is cut into micro-batches changes nothing but the rounding") {
    const Taught taught;
    LanguageTrainOptions options = taught.options();
    options.adam_epsilon = 1.0;  // steps along the gradient
    options.max_gradient_norm = 0.0;
    Student whole(options);
    const at::Tensor policy = whole.weights();
    const at::Tensor critic = values_of(whole);
    whole.learn(mixed_round());
    const auto policy_norm = (whole.weights() - policy).norm().item<float>();
    const auto critic_norm = (values_of(whole) - critic).norm().item<float>();
    CHECK(policy_norm > 0.0F);
    CHECK(critic_norm > 0.0F);
    for (const std::size_t budget : {1, 7, 16}) {
      CAPTURE(budget);
      options.micro_batch_tokens = budget;
      Student split(options);
      split.learn(mixed_round());
      CHECK(near(split.weights(), whole.weights(), policy_norm));
      CHECK(near(values_of(split), values_of(whole), critic_norm));
    }
  }

  TEST_CASE("a text without a score is as if it had not been sampled") {
    Student without(ppo_run());
    without.learn(mixed_round());
    std::vector<Sample> samples = mixed_round();
    samples.push_back({.prompt = "2+2=", .completion = "5", .score = 7.0, .group = 2,
                       .scored = false});
    Student with(ppo_run());
    with.learn(samples);
    CHECK(with.weights().equal(without.weights()));
    CHECK(values_of(with).equal(values_of(without)));
  }

  TEST_CASE("a tool's tokens are passed over: the value before a token follows the one before") {
    const Taught taught;
    const LanguageTrainOptions options = taught.options();
    const Critic critic(options, critic_start(options, tests::tiny_image()), {.threads = 1},
                        at::kCPU);
    LearningText text;
    text.episode = tests::episode_of({.prompt = "1+2=", .completion = "<<1+2=3>>3"}, 0);
    for (std::size_t i = 11; i < 14; ++i) text.episode.sampled[i] = 0;  // the tool's answer
    text.learns = true;
    text.reward = 1.5;
    const auto sampled = static_cast<std::size_t>(
        std::ranges::count(text.episode.sampled, std::uint8_t{1}));
    text.sampler_log_probs.assign(sampled, -1.0F);
    text.old_log_probs.assign(sampled, -1.0F);
    text.reference_log_probs.assign(sampled, -1.25F);
    std::vector<LearningText> texts{text};
    critic.judge(texts);

    const at::Tensor values = critic.model().values(
        pack_texts({&texts[0]}, at::kCPU).tokens);
    std::vector<double> before, kl(sampled, 0.25);
    for (std::size_t i = 1; i < text.episode.tokens.size(); ++i) {
      if (text.episode.sampled[i] == 0) continue;
      before.push_back(double{values.const_data_ptr<float>()[i - 1]});
    }
    REQUIRE(before.size() == sampled);
    const std::vector<std::size_t> lengths{sampled};
    const std::vector<double> scores{1.5};
    const CriticAdvantages expected = critic_advantages(
        options.critic, 0.05,
        {.lengths = lengths, .scores = scores, .kl = kl, .values = before});
    for (std::size_t t = 0; t < sampled; ++t) {
      CHECK(texts[0].advantages[t] == static_cast<float>(expected.advantages[t]));
      CHECK(texts[0].returns[t] == static_cast<float>(expected.returns[t]));
    }
  }

  TEST_CASE("a text that its length ended loses the penalty") {
    std::vector<Sample> samples = mixed_round();
    samples[5].truncated = true;
    LanguageTrainOptions options = ppo_run();
    Student without(options);
    const double before = metric(without.learn(samples), "reward/shaped_mean");
    options.critic.missing_stop_penalty = 3.0;
    Student with(options);
    CHECK(metric(with.learn(samples), "reward/shaped_mean") ==
          doctest::Approx(before - 3.0 / 6.0));
  }

  TEST_CASE("distance from the start is taken from the reward, token by token") {
    LanguageTrainOptions options = ppo_run();
    options.learning_rate = 1e-2;
    Student student(options);
    for (int round = 0; round < 5; ++round) student.learn(mixed_round());
    const UpdateReport moved = student.learn(mixed_round());
    CHECK(metric(moved, "policy/kl_completion") != 0.0);
    CHECK(metric(moved, "reward/shaped_mean") ==
          doctest::Approx(metric(moved, "reward/mean") -
                          0.05 * metric(moved, "policy/kl_completion")));
  }

  TEST_CASE("saved and restored it goes on with the same bytes, adapters too") {
    for (const std::size_t rank : {0, 2}) {
      CAPTURE(rank);
      LanguageTrainOptions options = ppo_run();
      options.policy.minibatches = 2;
      options.policy.epochs = 2;
      options.critic.warmup_rounds = 1;
      options.lora_rank = rank;
      Student first(options);
      first.learn(mixed_round());
      Student second(options);
      second.algorithm.load_state(first.algorithm.save_state());
      for (int round = 0; round < 2; ++round) {
        first.learn(mixed_round());
        second.learn(mixed_round());
      }
      CHECK(std::ranges::equal(first.algorithm.save_state(), second.algorithm.save_state()));
    }
  }

  TEST_CASE("a state of another critic, or of none, is refused and changes nothing") {
    const Taught taught;
    Student student(taught.options());
    const Bytes before = student.algorithm.save_state();
    const Student other(ppo_run());
    CHECK_THROWS_WITH_AS(student.algorithm.load_state(other.algorithm.save_state()),
                         doctest::Contains("began from another critic"), Error);
    const Student none(tests::policy_run("grpo"));
    CHECK_THROWS_AS(student.algorithm.load_state(none.algorithm.save_state()), Error);
    CHECK(std::ranges::equal(student.algorithm.save_state(), before));
  }

  TEST_CASE("values that are not finite leave no trace in either model, and are counted") {
    Student student(ppo_run());
    const Bytes before = student.algorithm.weights_image({});
    const at::Tensor critic = values_of(student);
    rollout::TextEpisode poisoned = tests::episode_of(mixed_round()[0], 0);
    poisoned.log_probs.back() = std::numeric_limits<float>::quiet_NaN();
    student.put(poisoned);
    const UpdateReport report = student.update();
    CHECK(report.skipped_steps == 2);
    CHECK(report.gradient_steps == 0);
    CHECK(std::ranges::equal(student.algorithm.weights_image({}), before));
    CHECK(values_of(student).equal(critic));
  }

  TEST_CASE("a critic that does not fit the policy is refused, saying why") {
    const tests::TemporaryFolder folder;
    LanguageTrainOptions options = ppo_run();
    options.critic_model = (folder.path() / "none").string();
    CHECK(contains(refusal(options), "none"));

    language::ModelFolder model = tests::tiny_model();
    const std::size_t place = model.tokenizer_json.find("\"!\"");
    REQUIRE(place != std::string::npos);
    model.tokenizer_json.replace(place, 3, "\"!!\"");
    options.critic_model = (folder.path() / "words").string();
    language::save_model(options.critic_model, model);
    CHECK(contains(refusal(options), "another tokenizer"));

    model.tokenizer_json.clear();
    options.critic_model = (folder.path() / "bare").string();
    language::save_model(options.critic_model, model);
    CHECK(contains(refusal(options), "no tokenizer"));

    language::NewModel wanted{.hidden = 32, .layers = 1, .heads = 2, .context = 16};
    options.critic_model = (folder.path() / "short").string();
    language::save_model(options.critic_model, language::make_model(wanted));
    CHECK(contains(refusal(options), "critic's context is too short"));

    wanted = {.hidden = 48, .layers = 2, .heads = 3, .context = 64};  // another size is fine
    options.critic_model = (folder.path() / "larger").string();
    language::save_model(options.critic_model, language::make_model(wanted));
    Student student(options);
    CHECK(student.learn(mixed_round()).gradient_steps == 1);
  }

  TEST_CASE("options that mean nothing to it are refused") {
    LanguageTrainOptions options = ppo_run();
    options.policy.drop_zero_variance = true;
    CHECK(contains(refusal(options), "--drop-zero-variance"));
    options = ppo_run();
    options.run.total_steps = 5;
    options.critic.warmup_rounds = 5;
    CHECK(contains(refusal(options), "--critic-warmup"));
    options = ppo_run();
    options.critic.lambda = 1.1;
    CHECK(contains(refusal(options), "critic.lambda"));
  }
}

}  // namespace rl
