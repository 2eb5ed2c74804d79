#include "rl/learner/fine_tune.h"

#include <atomic>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "rl/core/error.h"
#include "rl/formats/checkpoint.h"
#include "rl/language/model_files.h"
#include "rl/language/text_tasks.h"
#include "tests/learner/language/fine_tuning.h"
#include "tests/support/torch_doctest.h"

namespace rl {
namespace {

using tests::contains;
using tests::message_of;
using tests::run_until;

// Sums of one-digit numbers to learn from.
struct Workshop : tests::FineTuneFolder {
  Workshop() {
    const auto task = language::make_text_task({.task = "addition", .digits = 1});
    const auto data = language::make_task_data(*task, 60, 10, 1);
    std::ofstream(path() / "train.jsonl") << language::to_jsonl(data.training);
    std::ofstream(path() / "held-out.jsonl") << language::to_jsonl(data.held_out);
  }

  FineTuneOptions options(const std::string& out) const {
    FineTuneOptions options = FineTuneFolder::options({}, "train.jsonl", out);
    options.batch_tokens = 100;
    options.micro_batch_tokens = 40;
    options.epochs = 4;
    options.learning_rate = 1e-2;
    options.warmup_steps = 2;
    options.weight_decay = 0.1;
    options.evaluate_exact = 4;
    return options;
  }
};

}  // namespace

TEST_SUITE("fine-tuning") {
  TEST_CASE("a small model learns a handful of answers by heart") {
    const Workshop shop;
    std::ofstream(shop.path() / "few.jsonl") << R"({"prompt": "one ", "completion": "uno"})" "\n"
                                             << R"({"prompt": "two ", "completion": "due"})" "\n"
                                             << R"({"prompt": "ten ", "completion": "dieci"})" "\n";
    FineTuneOptions options = shop.options("run");
    options.data = options.validation = (shop.path() / "few.jsonl").string();
    options.epochs = 80;
    options.weight_decay = 0.0;
    options.max_new_tokens = 8;
    const FineTuneSummary summary = fine_tune(options, {});
    CHECK(summary.held_out.exact_match == 1.0);
    CHECK(summary.held_out.exact_prompts == 3);
    CHECK(summary.held_out.token_accuracy == 1.0);
    CHECK(summary.held_out.loss < 0.2);
    CHECK(contains(shop.text("run/samples.jsonl"),
                   R"("prompt":"two ","completion":"due","expected":"due","exact":true)"));
  }

  TEST_CASE("the run's folder holds the curves, the samples and a model like the first one") {
    const Workshop shop;
    std::vector<std::string> lines;
    FineTuneHooks hooks;
    hooks.config_text = "algo = sft\n";
    hooks.log = [&](const std::string& line) { lines.push_back(line); };
    const FineTuneSummary summary = fine_tune(shop.options("run"), hooks);
    CHECK_FALSE(summary.interrupted);
    CHECK(summary.steps == summary.total_steps);
    CHECK(summary.skipped_steps == 0);
    CHECK(std::isfinite(summary.held_out.loss));
    CHECK(lines.at(0) == "training data: " + summary.data);
    for (const char* file : {"config.ini", "metrics.jsonl", "progress.csv", "report.html",
                             "samples.jsonl", "model/config.json", "model/tokenizer.json",
                             "model/tokenizer_config.json", "model/chat_template.jinja"}) {
      CAPTURE(file);
      CHECK_FALSE(shop.text(std::string("run/") + file).empty());
    }
    for (const char* file : {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}) {
      CHECK(shop.text(std::string("run/model/") + file) == shop.text(std::string("model/") + file));
    }
    const std::string metrics = shop.text("run/metrics.jsonl");
    for (const char* name : {"\"loss\"", "learning_rate", "gradient_norm", "evaluation/perplexity",
                             "evaluation/token_accuracy", "evaluation/exact_match"}) {
      CHECK(contains(metrics, name));
    }
    CHECK(summary.model == (shop.path() / "run" / "model").string());
    const auto tuned = language::load_model(summary.model);
    const CheckpointStore checkpoints(shop.path() / "run" / "checkpoints", 3);
    const auto checkpoint = checkpoints.load_newest(nullptr);
    const SafetensorsView saved(checkpoint->parts.at("model.safetensors"), "model");
    for (const TensorView& tensor : tuned.weights.tensors()) {
      CHECK(std::ranges::equal(tensor.data, saved.require(tensor.name).data));
    }
  }

  TEST_CASE("stopped after any step and resumed, the weights have the same bytes") {
    const Workshop shop;
    const FineTuneSummary whole = fine_tune(shop.options("whole"), {});
    REQUIRE(whole.total_steps > 12);
    for (const std::uint64_t step : {1, 5, 6, 12}) {
      CAPTURE(step);
      FineTuneOptions options = shop.options("stopped-" + std::to_string(step));
      const FineTuneSummary stopped = run_until(options, step);
      CHECK(stopped.interrupted);
      CHECK(stopped.steps == step);
      CHECK(stopped.model.empty());
      options.resume = true;
      const FineTuneSummary resumed = fine_tune(options, {});
      CHECK(resumed.weights_digest == whole.weights_digest);
      CHECK(resumed.tokens == whole.tokens);
      CHECK(resumed.held_out.loss == whole.held_out.loss);
    }
    CHECK(shop.text("stopped-6/samples.jsonl") == shop.text("whole/samples.jsonl"));
    CHECK(shop.text("stopped-6/model/model.safetensors") ==
          shop.text("whole/model/model.safetensors"));
  }

  TEST_CASE("another seed orders the data in another way") {
    const Workshop shop;
    FineTuneOptions other = shop.options("other");
    other.seed = 2;
    CHECK(fine_tune(shop.options("one"), {}).weights_digest != fine_tune(other, {}).weights_digest);
  }

  TEST_CASE("a finished run that is resumed changes nothing and writes its model again") {
    const Workshop shop;
    FineTuneOptions options = shop.options("run");
    const FineTuneSummary first = fine_tune(options, {});
    std::filesystem::remove_all(shop.path() / "run" / "model");
    options.resume = true;
    const FineTuneSummary again = fine_tune(options, {});
    CHECK(again.weights_digest == first.weights_digest);
    CHECK(again.held_out.exact_match == first.held_out.exact_match);
    CHECK(std::filesystem::exists(shop.path() / "run" / "model" / "config.json"));
  }

  TEST_CASE("steps that are not finite leave no trace and are counted") {
    const Workshop shop;
    FineTuneOptions options = shop.options("run");
    options.learning_rate = 1e30;  // the first step is the last that is finite
    options.schedule = "constant";
    options.warmup_steps = 0;
    options.weight_decay = 0.0;
    options.evaluate_every = 0;
    options.steps = 1;
    const FineTuneSummary one = fine_tune(options, {});
    options.out += "-longer";
    options.steps = 3;
    const FineTuneSummary three = fine_tune(options, {});
    CHECK(three.steps == 3);
    CHECK(three.skipped_steps == 2);
    CHECK(three.weights_digest == one.weights_digest);
  }

  TEST_CASE("three of them in a row take the weights back to the last checkpoint, at most twice") {
    const Workshop shop;
    FineTuneOptions options = shop.options("run");
    options.learning_rate = 1e30;
    options.schedule = "constant";
    options.warmup_steps = 0;
    options.evaluate_every = 0;
    options.steps = 40;
    const auto ending = [&options](std::size_t& alarms) {
      FineTuneHooks hooks;
      hooks.log = [&](const std::string& line) { alarms += line.starts_with("ALARM") ? 1 : 0; };
      try {
        fine_tune(options, hooks);
      } catch (const Error& error) {
        return std::string(error.what());
      }
      return std::string("no error");
    };
    std::size_t alarms = 0;
    CHECK(ending(alarms).find("no checkpoint to go back to yet") != std::string::npos);
    CHECK(alarms == 0);
    options.out += "-with-checkpoints";
    options.checkpoint_every = 1e-9;
    CHECK(ending(alarms).find("2 returns to an earlier checkpoint") != std::string::npos);
    CHECK(alarms == 2);
  }

  TEST_CASE("low-rank adapters leave a model with them merged in, and themselves in PEFT's form") {
    const Workshop shop;
    FineTuneOptions options = shop.options("run");
    options.lora_rank = 2;
    options.lora_targets = {"q_proj", "down_proj"};
    const FineTuneSummary summary = fine_tune(options, {});
    CHECK(summary.adapter == (shop.path() / "run" / "adapter").string());
    const auto config = nlohmann::json::parse(shop.text("run/adapter/adapter_config.json"));
    CHECK(config["peft_type"] == "LORA");
    CHECK(config["r"] == 2);
    CHECK(config["target_modules"] == std::vector<std::string>{"q_proj", "down_proj"});
    const std::string bytes = shop.text("run/adapter/adapter_model.safetensors");
    const SafetensorsView adapter(std::as_bytes(std::span(bytes)), "adapter");
    CHECK(adapter.tensors().size() == 4);
    const std::string site = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight";
    CHECK(adapter.require(site).shape == Shape{2, 32});

    const auto before = language::load_model(options.model);
    const auto after = language::load_model(summary.model);
    const auto changed = [&](const std::string& name) {
      return !std::ranges::equal(before.weights.require(name).data,
                                 after.weights.require(name).data);
    };
    CHECK(changed("model.layers.0.self_attn.q_proj.weight"));
    CHECK(changed("model.layers.0.mlp.down_proj.weight"));
    CHECK_FALSE(changed("model.layers.0.self_attn.k_proj.weight"));
    CHECK_FALSE(changed("model.embed_tokens.weight"));

    FineTuneOptions stopped = options;
    stopped.out = (shop.path() / "stopped").string();
    run_until(stopped, 7);
    stopped.resume = true;
    CHECK(fine_tune(stopped, {}).weights_digest == summary.weights_digest);
  }

  TEST_CASE("any number of threads computes the same, and another one may go on") {
    const Workshop shop;
    FineTuneOptions options = shop.options("alone");
    options.threads = 1;
    const std::string alone = fine_tune(options, {}).weights_digest;
    for (const std::size_t threads : {2U, 5U}) {
      options = shop.options(std::to_string(threads));
      options.threads = threads;
      CHECK(fine_tune(options, {}).weights_digest == alone);
    }
    options = shop.options("moved");
    options.threads = 3;
    CHECK(run_until(options, 5).interrupted);
    options.resume = true;
    options.threads = 1;
    CHECK(fine_tune(options, {}).weights_digest == alone);
  }

  TEST_CASE("activation checkpointing computes the same") {
    const Workshop shop;
    FineTuneOptions options = shop.options("checkpointing");
    options.activation_checkpointing = true;
    CHECK(fine_tune(options, {}).weights_digest ==
          fine_tune(shop.options("plain"), {}).weights_digest);
  }

  TEST_CASE("a run is neither overwritten nor resumed with other data") {
    const Workshop shop;
    FineTuneOptions options = shop.options("run");
    run_until(options, 2);
    CHECK(contains(message_of(options), "holds a run already"));
    options.resume = true;
    options.data = options.validation;
    CHECK(contains(message_of(options), "another data_digest"));
    options.data = shop.options("run").data;
    options.batch_tokens = 200;
    CHECK(contains(message_of(options), "another batch_tokens"));
  }

  TEST_CASE("wrong input is told before anything is written") {
    const Workshop shop;
    FineTuneOptions options = shop.options("run");
    options.model = (shop.path() / "nowhere").string();
    CHECK(contains(message_of(options), "nowhere"));
    options = shop.options("run");
    options.data = (shop.path() / "nowhere.jsonl").string();
    CHECK(contains(message_of(options), "no such file of training data"));
    std::ofstream(shop.path() / "broken.jsonl")
        << "{\"prompt\": \"a\", \"completion\": \"b\"}\n{\n";
    options.data = (shop.path() / "broken.jsonl").string();
    CHECK(contains(message_of(options), "broken.jsonl:2"));
    options.lora_rank = 2;
    options.skip_broken_lines = true;
    options.lora_targets = {"q_prj"};
    CHECK(contains(message_of(options), "q_prj"));
    CHECK_FALSE(std::filesystem::exists(shop.path() / "run" / "config.ini"));
  }
}

}  // namespace rl
