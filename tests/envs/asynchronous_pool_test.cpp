#include "rl/envs/asynchronous_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <numeric>
#include <set>
#include <stdexcept>

#include <doctest/doctest.h>

#include "rl/core/error.h"

namespace rl {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kPatience{30000};  // far more than any test takes

// Holds steps back until the test lets them through.
class Gate {
 public:
  void pass(std::size_t id) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_.count(id) == 0; });
  }
  void close(std::size_t id) {
    change([&] { closed_.insert(id); });
  }
  void open(std::size_t id) {
    change([&] { closed_.erase(id); });
  }

 private:
  template <class F>
  void change(F f) {
    {
      const std::lock_guard lock(mutex_);
      f();
    }
    changed_.notify_all();
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::set<std::size_t> closed_;
};

// CartPole that waits at a gate before each step and fails when its action is told to.
class GatedCartPole final : public Environment {
 public:
  GatedCartPole(Gate& gate, std::size_t id, std::atomic<int>& failures)
      : gate_(gate), id_(id), failures_(failures), inner_(make_environment("CartPole-v1")) {}

  const EnvironmentSpec& spec() const override { return inner_->spec(); }
  void reset(std::uint64_t seed, Fields observation) override { inner_->reset(seed, observation); }
  StepResult step(ConstFields action, Fields observation) override {
    gate_.pass(id_);
    if (id_ == 1 && failures_ == 1) throw std::runtime_error("the simulator lost its licence");
    if (id_ == 1 && failures_ == 2) throw 42;
    return inner_->step(action, observation);
  }

 private:
  Gate& gate_;
  std::size_t id_;
  std::atomic<int>& failures_;
  std::unique_ptr<Environment> inner_;
};

struct GatedPool {
  explicit GatedPool(std::size_t n, std::size_t threads)
      : pool([this] { return std::make_unique<GatedCartPole>(gate, made++, failures); },
             {.num_environments = n, .num_threads = threads}) {
    pool.reset_all();
    pool.recv(n, kPatience);
  }

  Gate gate;
  std::size_t made = 0;
  std::atomic<int> failures{0};
  AsynchronousPool pool;
};

std::vector<std::size_t> all_ids(std::size_t n) {
  std::vector<std::size_t> ids(n);
  std::iota(ids.begin(), ids.end(), std::size_t{0});
  return ids;
}

std::set<std::size_t> ids_of(const std::vector<PoolResult>& results) {
  std::set<std::size_t> ids;
  for (const PoolResult& result : results) ids.insert(result.id);
  return ids;
}

// Everything environment `id` shows over `steps` steps of its own.
std::vector<std::vector<float>> play(std::size_t threads, std::uint64_t seed, std::size_t batch) {
  constexpr std::size_t kEnvironments = 6;
  constexpr std::size_t kSteps = 200;
  AsynchronousPool pool(
      [] { return make_environment("CartPole-v1"); },
      {.num_environments = kEnvironments, .num_threads = threads, .vector = {.run_seed = seed}});
  std::vector<std::vector<float>> seen(kEnvironments);
  std::vector<RngStream> actions;
  for (std::size_t id = 0; id < kEnvironments; ++id) actions.emplace_back(9, RngRole::test, id);
  std::vector<std::size_t> steps(kEnvironments, 0);
  pool.reset_all();
  while (pool.num_busy() > 0) {
    const auto results = pool.recv(std::min(batch, pool.num_busy()), kPatience);
    std::vector<std::size_t> again;
    for (const PoolResult& result : results) {
      REQUIRE(result.ok());
      const float* row = pool.observation(result.id).as<float>(0);
      seen[result.id].insert(seen[result.id].end(), row, row + 4);
      seen[result.id].push_back(result.step.result.reward);
      if (++steps[result.id] > kSteps) continue;
      *pool.action(result.id).as<std::int64_t>(0) =
          static_cast<std::int64_t>(actions[result.id].below(2));
      again.push_back(result.id);
    }
    pool.send(again);
  }
  return seen;
}

}  // namespace

TEST_SUITE("asynchronous pool") {
  TEST_CASE("the first M of N that finish are returned while a slow one still runs") {
    GatedPool gated(4, 2);
    AsynchronousPool& pool = gated.pool;
    gated.gate.close(0);
    pool.send(all_ids(4));
    CHECK(ids_of(pool.recv(3, kPatience)) == std::set<std::size_t>{1, 2, 3});
    CHECK(pool.num_busy() == 1);
    const std::array<std::size_t, 2> others{2, 3};
    pool.send(others);
    CHECK(ids_of(pool.recv(2, kPatience)) == std::set<std::size_t>{2, 3});
    gated.gate.open(0);
    CHECK(ids_of(pool.recv(1, kPatience)) == std::set<std::size_t>{0});
    CHECK(pool.num_busy() == 0);
  }

  TEST_CASE("recv names who is awaited at its deadline and loses nothing") {
    GatedPool gated(3, 3);
    AsynchronousPool& pool = gated.pool;
    gated.gate.close(0);
    gated.gate.close(2);
    pool.send(all_ids(3));
    CHECK(ids_of(pool.recv(1, kPatience)) == std::set<std::size_t>{1});
    CHECK_THROWS_WITH_AS(pool.recv(1, milliseconds(1)), doctest::Contains("awaited: 0, 2"), Error);
    CHECK(pool.num_busy() == 2);
    gated.gate.open(0);
    gated.gate.open(2);
    CHECK(ids_of(pool.recv(2, kPatience)) == std::set<std::size_t>{0, 2});
  }

  TEST_CASE("an environment that throws is named and the pool goes on") {
    GatedPool gated(3, 2);
    AsynchronousPool& pool = gated.pool;
    for (const auto& [failure, message] :
         {std::pair{1, "the simulator lost its licence"}, std::pair{2, "no std::exception"}}) {
      gated.failures = failure;
      pool.send(all_ids(3));
      for (const PoolResult& result : pool.recv(3, kPatience)) {
        CHECK(result.ok() == (result.id != 1));
        if (result.ok()) continue;
        CHECK(result.error.find("environment 1") != std::string::npos);
        CHECK(result.error.find(message) != std::string::npos);
      }
      gated.failures = 0;
      const std::array<std::size_t, 1> failed{1};
      pool.reset(failed);
      const auto results = pool.recv(1, kPatience);
      CHECK(results[0].ok());
      CHECK(results[0].step.is_reset);
    }
  }

  TEST_CASE("an action outside the spec is that environment's error alone") {
    AsynchronousPool pool([] { return make_environment("CartPole-v1"); }, {.num_environments = 2});
    pool.reset_all();
    pool.recv(2, kPatience);
    *pool.action(0).as<std::int64_t>(0) = 5;
    *pool.action(1).as<std::int64_t>(0) = 1;
    pool.send(all_ids(2));
    for (const PoolResult& result : pool.recv(2, kPatience)) {
      CHECK(result.ok() == (result.id == 1));
    }
  }

  TEST_CASE("what an environment does depends on neither threads nor batch size") {
    const auto reference = play(1, 3, 6);
    CHECK(play(4, 3, 6) == reference);
    CHECK(play(3, 3, 1) == reference);
    CHECK(play(2, 4, 6) != reference);
    CHECK(reference[0] != reference[1]);
  }

  TEST_CASE("busy, repeated and unknown ids are refused and start nothing") {
    GatedPool gated(3, 1);
    AsynchronousPool& pool = gated.pool;
    const std::array<std::size_t, 2> twice{1, 1}, unknown{0, 3}, first{0, 1}, second{2, 1};
    CHECK_THROWS_WITH_AS(pool.send(twice), doctest::Contains("given twice"), Error);
    CHECK_THROWS_WITH_AS(pool.send(unknown), doctest::Contains("no environment 3"), Error);
    CHECK(pool.num_busy() == 0);
    pool.send(first);
    CHECK_THROWS_WITH_AS(pool.send(second), doctest::Contains("environment 1 is busy"), Error);
    CHECK_THROWS_AS(pool.reset(second), Error);
    CHECK(pool.num_busy() == 2);
    CHECK_THROWS_WITH_AS(pool.recv(3, kPatience), doctest::Contains("at most 2"), Error);
    CHECK(ids_of(pool.recv(2, kPatience)) == std::set<std::size_t>{0, 1});
  }

  TEST_CASE("same_step gives the final observation beside the next episode's first") {
    AsynchronousPool pool([] { return make_environment("Memory"); },
                          {.vector = {.autoreset = Autoreset::same_step}});
    pool.reset_all();
    pool.recv(1, kPatience);
    *pool.action(0).as<std::int64_t>(0) = 0;
    const std::array<std::size_t, 1> only{0};
    StepResult result;
    while (!result.ended()) {
      pool.send(only);
      result = pool.recv(1, kPatience)[0].step.result;
    }
    CHECK(pool.final_observation(0).as<float>(0)[2] == 1.0F);  // the question
    const float* first = pool.observation(0).as<float>(0);
    CHECK(first[0] + first[1] == 1.0F);  // a cue
  }

  TEST_CASE("destruction waits for running steps and forgets queued ones") {
    Gate gate;
    std::atomic<int> failures{0};
    std::size_t made = 0;
    {
      AsynchronousPool pool([&] { return std::make_unique<GatedCartPole>(gate, made++, failures); },
                            {.num_environments = 8, .num_threads = 2});
      pool.reset_all();
    }
    CHECK(made == 8);
  }
}

}  // namespace rl
