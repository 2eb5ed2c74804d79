#include "rl/learner/train_language.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <sstream>

#include "rl/core/error.h"
#include "rl/language/model_files.h"
#include "tests/learner/language/examples.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/torch_doctest.h"
#include "tests/support/errors.h"

namespace rl {
namespace {

namespace fs = std::filesystem;

struct Workshop : tests::TemporaryFolder {
  Workshop() { language::save_model(path() / "model", tests::tiny_model()); }

  // Rewards that a model with random weights earns too: short texts.
  LanguageTrainOptions options(const std::string& out) const {
    LanguageTrainOptions options;
    options.model = (path() / "model").string();
    options.run.out = (path() / out).string();
    options.run.worker_mode = "thread";
    options.run.endpoint = "inproc";
    options.run.num_workers = 1;
    options.run.total_steps = 6;
    options.run.evaluate_every = 2;
    options.run.checkpoint_every = 0.0;
    options.threads = 1;
    options.digits = 1;
    options.length = 2;
    options.held_out = 5;
    options.prompts = 3;
    options.group = 4;
    options.max_prompt_tokens = 16;
    options.max_new_tokens = 8;
    options.rewards = {"contains:0.5", "length:1:3"};
    options.score_truncated = true;
    options.learning_rate = 1e-2;
    options.samples = 2;
    return options;
  }

  LanguageTrainOptions ppo(const std::string& out) const {
    LanguageTrainOptions result = options(out);
    result.run.algorithm = "ppo";
    result.policy = language_policy_preset("ppo");
    result.policy.epochs = 2;
    result.policy.minibatches = 2;
    result.prompts = 12;
    result.group = 1;
    result.critic.warmup_rounds = 1;
    result.critic_learning_rate = 1e-2;
    return result;
  }

  std::string text(const std::string& file) const {
    std::ifstream stream(path() / file, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
  }
};

TrainSummary run(const LanguageTrainOptions& options, const std::atomic<int>* stop = nullptr) {
  TrainHooks hooks;
  hooks.program = RL_CORRAL_PROGRAM;
  hooks.stop = stop;
  return train_language(options, hooks);
}

std::string message_of(const LanguageTrainOptions& options) {
  return tests::message_of([&] { run(options); });
}

}  // namespace

TEST_SUITE("reinforcement learning of language models") {
  TEST_CASE("one seed gives one result, whatever the workers, the endpoint and the threads") {
    const Workshop shop;
    const TrainSummary one = run(shop.options("one"));
    CHECK(one.updates > 0);
    CHECK(one.weight_version == 6);
    CHECK(one.fragments_received == 6 * 12);
    CHECK(one.fragments_used == 6 * 12);
    LanguageTrainOptions options = shop.options("two");
    options.run.num_workers = 2;
    options.threads = 3;
    CHECK(run(options).weights_digest == one.weights_digest);
    options.run.out = (shop.path() / "three").string();
    options.run.num_workers = 3;
    options.run.worker_mode = "process";
    options.run.endpoint = "ipc";
    CHECK(run(options).weights_digest == one.weights_digest);
    options.run.out = (shop.path() / "other").string();
    options.run.seed = 2;
    CHECK(run(options).weights_digest != one.weights_digest);
  }

  TEST_CASE("stopped and resumed, the weights have the same bytes") {
    const Workshop shop;
    LanguageTrainOptions options = shop.options("whole");
    options.policy.kl_coefficient = 0.01;
    options.policy.minibatches = 2;
    const TrainSummary whole = run(options);
    options.run.out = (shop.path() / "parts").string();
    options.run.resume = true;
    const std::atomic<int> at_once{1};
    CHECK(run(options, &at_once).end == TrainEnd::interrupted);
    for (const std::uint64_t rounds : {1, 2, 5}) {
      options.run.total_steps = rounds;
      CHECK(run(options).weight_version == rounds);
    }
    options.run.total_steps = 6;
    options.run.num_workers = 2;
    options.run.num_slots = 2;
    CHECK(run(options).weights_digest == whole.weights_digest);
  }

  TEST_CASE("PPO: one seed gives one result for 1, 2 and 3 workers, another seed another") {
    const Workshop shop;
    const TrainSummary one = run(shop.ppo("one"));
    CHECK(one.updates > 0);
    LanguageTrainOptions options = shop.ppo("two");
    options.run.num_workers = 2;
    CHECK(run(options).weights_digest == one.weights_digest);
    CHECK(shop.text("two/critic/model.safetensors") == shop.text("one/critic/model.safetensors"));
    options.run.out = (shop.path() / "three").string();
    options.run.num_workers = 3;
    options.run.worker_mode = "process";
    options.run.endpoint = "ipc";
    CHECK(run(options).weights_digest == one.weights_digest);
    options.run.out = (shop.path() / "other").string();
    options.run.seed = 2;
    CHECK(run(options).weights_digest != one.weights_digest);
  }

  TEST_CASE("PPO: stopped and resumed, policy and critic have the same bytes") {
    const Workshop shop;
    LanguageTrainOptions options = shop.ppo("whole");
    const TrainSummary whole = run(options);
    options.run.out = (shop.path() / "parts").string();
    options.run.resume = true;
    const std::atomic<int> at_once{1};
    CHECK(run(options, &at_once).end == TrainEnd::interrupted);
    for (const std::uint64_t rounds : {2, 3, 5}) {
      options.run.total_steps = rounds;
      CHECK(run(options).weight_version == rounds);
    }
    options.run.total_steps = 6;
    options.run.num_workers = 2;
    options.run.num_slots = 2;
    CHECK(run(options).weights_digest == whole.weights_digest);
    CHECK(shop.text("parts/critic/model.safetensors") ==
          shop.text("whole/critic/model.safetensors"));
  }

  TEST_CASE("PPO leaves its critic, a classifier that another run can start from") {
    const Workshop shop;
    LanguageTrainOptions options = shop.ppo("run");
    options.run.total_steps = 2;
    run(options);
    const fs::path critic = shop.path() / "run" / "critic";
    CHECK(language::load_model(critic).config.scalar_head);
    const std::string metrics = shop.text("run/metrics.jsonl");
    for (const char* name :
         {"critic/loss", "critic/explained_variance", "critic/clip_fraction", "critic/value_mean",
          "critic/return_mean", "critic/gradient_norm", "policy/kl_completion",
          "reward/shaped_mean", "time/critic_seconds"}) {
      CAPTURE(name);
      CHECK(metrics.find("\"" + std::string(name) + "\"") != std::string::npos);
    }
    options = shop.ppo("next");
    options.run.total_steps = 2;
    options.critic_model = critic.string();
    CHECK(run(options).updates > 0);
    options = shop.options("grpo");
    options.model = critic.string();
    CHECK(message_of(options).find("scores texts and cannot write any") != std::string::npos);
  }

  TEST_CASE("sampling anew repeats too, whatever the workers, stopped and resumed or not") {
    const Workshop shop;
    LanguageTrainOptions options = shop.options("whole");
    options.policy = language_policy_preset("dapo");
    options.run.algorithm = "dapo";
    options.rewards = {"regex:1:^[a-m]"};  // many groups agree
    options.run.total_steps = 12;
    const TrainSummary whole = run(options);
    CHECK(whole.updates > 0);
    CHECK(whole.updates < 12);
    CHECK(whole.dropped_by_reason.find("zero_variance") != std::string::npos);
    CHECK(whole.fragments_received == whole.fragments_used + whole.fragments_dropped);
    options.run.out = (shop.path() / "parts").string();
    options.run.num_workers = 2;
    options.run.resume = true;
    for (const std::uint64_t rounds : {1, 2, 5, 8}) {
      options.run.total_steps = rounds;
      run(options);
    }
    options.run.total_steps = 12;
    const TrainSummary resumed = run(options);
    CHECK(resumed.weights_digest == whole.weights_digest);
    CHECK(resumed.dropped_by_reason == whole.dropped_by_reason);
  }

  // The largest value of a metric in a run's file.
  static double largest(const std::string& lines, const std::string& metric) {
    double found = -1.0;
    const std::string name = "\"" + metric + "\":";
    for (std::size_t at = lines.find(name); at != std::string::npos;
         at = lines.find(name, at + 1)) {
      found = std::max(found, std::stod(lines.substr(at + name.size())));
    }
    return found;
  }

  TEST_CASE("sampled by LibTorch, texts teach as well, and how far they are from exact is told") {
    const Workshop shop;
    LanguageTrainOptions options = shop.options("device");
    options.sample_with = "device";
    const TrainSummary summary = run(options);
    CHECK(summary.updates > 0);
    CHECK(summary.fragments_used == 6 * 12);
    const std::string metrics = shop.text("device/metrics.jsonl");
    CHECK(largest(metrics, "policy/sampler_difference_max") > 0.0);
    CHECK(largest(metrics, "policy/sampler_difference_max") < 1e-4);
    CHECK(largest(metrics, "policy/importance_max") < 1.001);
    options.run.out = (shop.path() / "again").string();
    CHECK(run(options).weights_digest == summary.weights_digest);

    options.run.worker_mode = "process";
    options.run.endpoint = "ipc";
    CHECK(message_of(options).find("--worker-mode thread") != std::string::npos);
    options.run.num_workers = 0;
    CHECK(message_of(options).find("at least one local worker") != std::string::npos);
    options.sample_with = "magic";
    CHECK(message_of(options).find("kernels") != std::string::npos);
  }

  TEST_CASE("in async no token is older than the bound, and every text is accounted for") {
    const Workshop shop;
    LanguageTrainOptions options = shop.options("async");
    options.run.mode = "async";
    options.run.num_workers = 2;
    options.run.total_steps = 20;
    options.max_staleness = 2;
    const TrainSummary summary = run(options);
    CHECK(summary.weight_version == 20);
    CHECK(summary.updates > 0);
    CHECK(summary.fragments_used == 20 * 12);
    CHECK(summary.fragments_received == summary.fragments_used + summary.fragments_dropped);
    const std::string metrics = shop.text("async/metrics.jsonl");
    CHECK(largest(metrics, "policy/staleness_max") > 0.0);
    CHECK(largest(metrics, "policy/staleness_max") <= 2.0);
    CHECK(largest(metrics, "policy/staleness_beyond") == 0.0);
    CHECK(largest(metrics, "policy/importance_max") > 0.0);
  }

  TEST_CASE("an asynchronous run can be stopped and goes on with all its counts") {
    const Workshop shop;
    LanguageTrainOptions options = shop.options("async");
    options.run.mode = "async";
    options.run.resume = true;
    options.run.worker_mode = "process";
    options.run.endpoint = "ipc";
    options.run.num_workers = 2;
    const std::atomic<int> at_once{1};
    CHECK(run(options, &at_once).end == TrainEnd::interrupted);
    for (const std::uint64_t rounds : {2, 3, 7}) {
      options.run.total_steps = rounds;
      const TrainSummary summary = run(options);
      CHECK(summary.weight_version == rounds);
      CHECK(summary.fragments_used == rounds * 12);
      CHECK(summary.fragments_received == summary.fragments_used + summary.fragments_dropped);
    }
    options.run.total_steps = 8;
    options.max_staleness = 3;
    CHECK(message_of(options).find("text.max_staleness") != std::string::npos);
  }

  TEST_CASE("a held-out completion of every evaluation is said as the run goes") {
    const Workshop shop;
    std::string said;
    TrainHooks hooks;
    hooks.log = [&](const std::string& line) { said += line + "\n"; };
    train_language(shop.options("run"), hooks);
    for (const char* round : {"round 2: \"", "round 4: \"", "round 6: \""}) {
      CHECK(said.find(round) != std::string::npos);
    }
    CHECK(said.find("\" -> \"") != std::string::npos);
  }

  TEST_CASE("the folder holds curves, samples and a model that loads") {
    const Workshop shop;
    const TrainSummary summary = run(shop.options("run"));
    CHECK(summary.model == (shop.path() / "run" / "model").string());
    CHECK(language::load_model(summary.model).config.vocabulary == 259);
    const std::string metrics = shop.text("run/metrics.jsonl");
    for (const char* name :
         {"reward/mean", "reward/std", "groups/zero_variance", "completions/length_mean",
          "completions/truncated", "policy/entropy", "policy/kl", "policy/clip_low",
          "policy/ratio_min", "policy/ratio_mean", "policy/ratio_max", "policy/clip_high",
          "policy/sampler_difference", "policy/staleness", "policy/staleness_0",
          "policy/staleness_beyond", "reward/contains_mean", "reward/length_std",
          "completions/tokens", "learner/tokens", "learner/idle",
          "time/publish_seconds", "time/collect_seconds", "time/update_seconds",
          "time/score_seconds", "time/learn_seconds", "time/evaluate_seconds",
          "time/checkpoint_seconds", "time/tokens_per_second", "gradient_norm",
          "evaluation/return"}) {
      CAPTURE(name);
      CHECK(metrics.find("\"" + std::string(name) + "\"") != std::string::npos);
    }
    CHECK(metrics.find("\"policy/sampler_difference_max\":0,") != std::string::npos);
    const std::string samples = shop.text("run/samples.jsonl");
    CHECK(samples.starts_with("{\"step\":2,\"prompt\":"));
    CHECK(samples.find("{\"step\":6,\"prompt\":") != std::string::npos);
    CHECK_FALSE(shop.text("run/report.html").empty());
  }

  TEST_CASE("the model can go elsewhere, and adapters lie beside it") {
    const Workshop shop;
    LanguageTrainOptions options = shop.options("run");
    options.export_to = (shop.path() / "elsewhere").string();
    options.lora_rank = 2;
    options.run.total_steps = 1;
    CHECK(run(options).model == options.export_to);
    CHECK(language::load_model(options.export_to).config.layers == 1);
    CHECK_FALSE(shop.text("run/adapter/adapter_config.json").empty());
  }

  TEST_CASE("another task or model than the first start's is refused on resuming") {
    const Workshop shop;
    LanguageTrainOptions options = shop.options("run");
    options.run.total_steps = 1;
    run(options);
    options.run.resume = true;
    options.run.total_steps = 2;
    options.length = 3;
    CHECK(message_of(options).find("the run to resume has another text.length") !=
          std::string::npos);
  }

  TEST_CASE("wrong options are told by name") {
    const Workshop shop;
    LanguageTrainOptions options = shop.options("run");
    options.task = "chian-sum";
    CHECK(message_of(options).find("chain-sum") != std::string::npos);
    options = shop.options("run");
    options.rewards = {"exact:much"};
    CHECK(message_of(options).find("--rewards") != std::string::npos);
    options = shop.options("run");
    options.run.mode = "async";
    options.max_staleness = 0;
    CHECK(message_of(options).find("--max-staleness") != std::string::npos);
    options = shop.options("run");
    options.baseline = "none";
    CHECK(message_of(options).find("group-mean") != std::string::npos);
    options = shop.options("run");
    options.max_new_tokens = 20;
    CHECK(message_of(options).find("context is too short") != std::string::npos);
  }
}

}  // namespace rl
