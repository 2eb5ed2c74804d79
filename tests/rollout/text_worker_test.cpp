#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <thread>

#include "rl/core/error.h"
#include "rl/rollout/text_episode.h"
#include "rl/rollout/worker.h"
#include "rl/transport/learner_endpoint.h"
#include "rollout/text_run.h"

namespace rl::rollout {
namespace {

using std::chrono::milliseconds;

transport::LearnerOptions bound_to(const std::string& address) {
  transport::LearnerOptions options;
  options.bind = address;
  return options;
}

// Publishes the weights of tiny_snapshot and takes what arrives.
class TextLearner {
 public:
  TextLearner(const std::string& address, const RunConfig& config)
      : config_(config),
        endpoint(bound_to(address), {.run_id = 1,
                                     .environment = text_spec(config.text.value()),
                                     .schema = tests::schema_of(config),
                                     .run_config = to_text(config),
                                     .num_slots = config.num_slots}) {}

  // The fragments of one round by place, as bytes.
  std::map<std::uint64_t, Bytes> round(std::uint64_t number) {
    for (std::uint32_t slot = 0; slot < config_.num_slots; ++slot) {
      const auto count = environments_of_slot(config_, slot).count;
      endpoint.set_assignment(
          slot, to_bytes(Assignment{.round = number, .continuations = std::vector<Bytes>(count)}));
    }
    endpoint.publish(tests::tiny_snapshot(number));
    std::map<std::uint64_t, Bytes> blocks;
    while (blocks.size() < config_.num_environments) {
      const auto received = endpoint.receive(milliseconds(10000));
      if (!received) break;
      const auto block = received->fragment->block();
      const TextEpisode text = to_episode(*received->fragment);
      CHECK(text.round == number);
      CHECK(text.versions.back() == static_cast<std::int64_t>(number));
      CHECK(blocks.emplace(text.place, Bytes(block.begin(), block.end())).second);
    }
    return blocks;
  }

 private:
  RunConfig config_;

 public:
  transport::LearnerEndpoint endpoint;
};

class TextWorker {
 public:
  TextWorker(const std::string& address, std::size_t threads)
      : thread_([this, address, threads] {
          WorkerRunOptions options;
          options.transport.connect = address;
          options.retry = milliseconds(10000);
          options.generator.threads = threads;
          try {
            summary = run_worker(options, builtin_environments(), stop_,
                                 [this](const auto& line) { log += line + "\n"; });
          } catch (const Error& error) {
            failure = error.what();
          }
        }) {}
  ~TextWorker() { join(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

  // After join().
  WorkerSummary summary;
  std::string failure, log;

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

struct Outcome {
  std::vector<std::map<std::uint64_t, Bytes>> rounds;
  std::uint64_t fragments = 0;
  std::string failures, log;
};

Outcome train(const RunConfig& config, const std::string& address, std::size_t threads = 1) {
  Outcome outcome;
  TextLearner learner(address, config);
  std::vector<std::unique_ptr<TextWorker>> workers;
  for (std::uint32_t slot = 0; slot < config.num_slots; ++slot) {
    workers.push_back(std::make_unique<TextWorker>(address, threads));
  }
  for (std::uint64_t round = 1; round <= 3; ++round) outcome.rounds.push_back(learner.round(round));
  CHECK(learner.endpoint.stop_workers(milliseconds(10000)));
  for (const auto& worker : workers) {
    worker->join();
    outcome.failures += worker->failure;
    outcome.log += worker->log;
    outcome.fragments += worker->summary.fragments;
    CHECK(worker->summary.fragments_lost == 0);
  }
  return outcome;
}

TEST_SUITE("worker of texts") {
  TEST_CASE("three rounds have the same bytes with 1, 2 and 3 workers") {
    const Outcome alone = train(tests::text_run(3, 4, 1), "inproc://texts-1");
    CHECK(alone.failures == "");
    CHECK(alone.log == "");
    CHECK(alone.fragments == 36);
    REQUIRE(alone.rounds.size() == 3);
    for (const auto& round : alone.rounds) CHECK(round.size() == 12);
    CHECK(alone.rounds[0].at(0) != alone.rounds[1].at(0));
    CHECK(train(tests::text_run(3, 4, 2), "inproc://texts-2", 2).rounds == alone.rounds);
    CHECK(train(tests::text_run(3, 4, 3), "inproc://texts-3").rounds == alone.rounds);
  }

  TEST_CASE("whoever comes later goes on with the round of the assignment") {
    const RunConfig config = tests::text_run(2, 2, 1);
    const Outcome whole = train(config, "inproc://texts-4");
    TextLearner learner("inproc://texts-5", config);
    auto first = std::make_unique<TextWorker>("inproc://texts-5", 1);
    CHECK(learner.round(1) == whole.rounds[0]);
    CHECK(learner.endpoint.stop_workers(milliseconds(10000)));
    first->join();
    TextLearner resumed("inproc://texts-6", config);
    TextWorker second("inproc://texts-6", 1);
    CHECK(resumed.round(2) == whole.rounds[1]);
    CHECK(resumed.endpoint.stop_workers(milliseconds(10000)));
  }

  TEST_CASE("asynchronous workers begin what the bound lets them, and nothing beyond it") {
    RunConfig config = tests::text_run(2, 2, 2);
    config.mode = Mode::async;
    config.text->max_staleness = 2;
    TextLearner learner("inproc://texts-10", config);
    TextWorker first("inproc://texts-10", 1);
    TextWorker second("inproc://texts-10", 1);
    // The highest round that came once every place gave all it may, and the number of texts.
    const auto received = [&](std::uint64_t texts) {
      std::uint64_t highest = 0;
      for (; texts > 0; --texts) {
        const auto one = learner.endpoint.receive(milliseconds(10000));
        REQUIRE(one.has_value());
        highest = std::max(highest, one->fragment->header().round);
      }
      return highest;
    };
    learner.endpoint.publish(tests::tiny_snapshot(1));
    CHECK(received(3 * 4) == 3);
    learner.endpoint.publish(tests::tiny_snapshot(2));
    CHECK(received(4) == 4);
    learner.endpoint.publish(tests::tiny_snapshot(4));  // a version may be missed
    CHECK(received(2 * 4) == 6);
    CHECK(learner.endpoint.stop_workers(milliseconds(10000)));
    first.join();
    second.join();
    CHECK(first.failure + second.failure == "");
    CHECK(first.summary.fragments + second.summary.fragments == 24);
    CHECK_FALSE(learner.endpoint.receive(milliseconds(0)).has_value());
  }

  TEST_CASE("prompts that were passed over and texts without a score are said") {
    RunConfig config = tests::text_run(2, 2, 1);
    config.text->task = "chain-sum";
    config.text->digits = 4;
    config.text->max_prompt_tokens = 15;  // longest: 4 terms of 4 digits and 4 signs
    config.text->rewards = {{.verifier = "regex", .argument = "(x+x+)+y"}};
    const Outcome outcome = train(config, "inproc://texts-7");
    CHECK(outcome.failures == "");
    CHECK(outcome.log.find("passed over") != std::string::npos);
    CHECK(outcome.log.find("tokens, allowed 15") != std::string::npos);
  }

  TEST_CASE("weights that do not fit the run end the worker with both sizes") {
    RunConfig config = tests::text_run(2, 2, 1);
    config.text->max_new_tokens = 60;
    TextLearner learner("inproc://texts-8", config);
    learner.endpoint.publish(tests::tiny_snapshot(1));
    TextWorker worker("inproc://texts-8", 1);
    worker.join();
    CHECK(worker.failure.find("16 + 60") != std::string::npos);
    CHECK(worker.failure.find("64") != std::string::npos);
  }

  TEST_CASE("a prompt file that differs from the learner's ends the worker with both digests") {
    RunConfig config = tests::text_run(2, 2, 1);
    config.text->prompts_file = std::string(RL_TEST_DATA) + "/rollout/prompts.jsonl";
    config.text->prompts_digest = std::string(64, 'f');
    TextLearner learner("inproc://texts-9", config);
    learner.endpoint.publish(tests::tiny_snapshot(1));
    TextWorker worker("inproc://texts-9", 1);
    worker.join();
    CHECK(worker.failure.find(std::string(64, 'f')) != std::string::npos);
    CHECK(worker.failure.find("not the file that the learner has") != std::string::npos);
  }
}

}  // namespace
}  // namespace rl::rollout
