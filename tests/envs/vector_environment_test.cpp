#include "rl/envs/vector_environment.h"

#include <algorithm>
#include <cstring>

#include <doctest/doctest.h>

#include "rl/core/error.h"
#include "support/environment_conformance.h"

namespace rl {
namespace {

constexpr std::size_t kEnvironments = 5;
const std::vector<Autoreset> kModes{Autoreset::next_step, Autoreset::same_step,
                                    Autoreset::disabled};

VectorEnvironment make_vector(const std::string& name, Autoreset mode,
                              std::size_t n = kEnvironments, std::uint64_t seed = 11,
                              std::uint64_t first_index = 0) {
  return VectorEnvironment([=] { return make_environment(name); }, n,
                           {.autoreset = mode, .run_seed = seed, .first_index = first_index});
}

struct Transition {
  std::vector<float> before, after;
  float reward;
  bool terminated, truncated;

  friend bool operator==(const Transition&, const Transition&) = default;
};

std::vector<float> row_of(const VectorBatch& batch, std::size_t i) {
  const auto all = batch.observations<float>();
  const std::size_t width = all.size() / batch.size();
  return {all.begin() + static_cast<std::ptrdiff_t>(i * width),
          all.begin() + static_cast<std::ptrdiff_t>((i + 1) * width)};
}

std::vector<float> final_row_of(const VectorBatch& batch, std::size_t i) {
  const auto all = batch.final_observations<float>();
  const std::size_t width = all.size() / batch.size();
  return {all.begin() + static_cast<std::ptrdiff_t>(i * width),
          all.begin() + static_cast<std::ptrdiff_t>((i + 1) * width)};
}

// The k-th action of environment i's e-th episode: the same in every mode.
std::int64_t action_at(std::size_t i, std::uint64_t episode, std::uint64_t k) {
  return static_cast<std::int64_t>(RngStream(episode, RngRole::test, i * 10007 + k).next_u32() % 2);
}

// What a bare environment does, episode after episode, without a vector around it.
std::vector<Transition> naive_transitions(const std::string& name, std::size_t i,
                                          std::size_t count) {
  const auto environment = make_environment(name);
  OwnedRows observation(environment->spec().observations);
  OwnedRows action(environment->spec().actions);
  const std::size_t width = environment->spec().observations[0].num_elements();
  const auto seen = [&] {
    const float* row = observation.const_fields().as<float>(0);
    return std::vector<float>(row, row + width);
  };
  std::vector<Transition> transitions;
  for (std::uint64_t episode = 0; transitions.size() < count; ++episode) {
    environment->reset(episode_seed(11, RngRole::environment, i, episode), observation.fields());
    StepResult result;
    for (std::uint64_t k = 0; !result.ended() && transitions.size() < count; ++k) {
      const auto before = seen();
      *action.fields().as<std::int64_t>(0) = action_at(i, episode, k);
      result = environment->step(action.const_fields(), observation.fields());
      transitions.push_back({before, seen(), result.reward, result.terminated, result.truncated});
    }
  }
  return transitions;
}

// The transitions of every environment as the documented table of each mode says to read them.
std::vector<std::vector<Transition>> vector_transitions(const std::string& name, Autoreset mode,
                                                        std::size_t steps) {
  VectorEnvironment vector = make_vector(name, mode);
  VectorBatch batch(vector.spec(), vector.size());
  std::vector<std::vector<Transition>> transitions(vector.size());
  std::vector<std::uint64_t> k(vector.size(), 0);
  vector.reset(batch);
  for (std::size_t step = 0; step < steps; ++step) {
    std::vector<std::vector<float>> before;
    for (std::size_t i = 0; i < vector.size(); ++i) {
      before.push_back(row_of(batch, i));
      batch.actions<std::int64_t>()[i] = action_at(i, vector.num_episodes(i) - 1, k[i]++);
    }
    vector.step(batch);
    for (std::size_t i = 0; i < vector.size(); ++i) {
      if (batch.is_reset()[i]) {
        CHECK(batch.rewards()[i] == 0.0F);
        CHECK(batch.terminated()[i] + batch.truncated()[i] == 0);
        k[i] = 0;
        continue;
      }
      const bool ended = batch.terminated()[i] || batch.truncated()[i];
      const bool after_is_final_row = ended && mode == Autoreset::same_step;
      transitions[i].push_back(
          {before[i], after_is_final_row ? final_row_of(batch, i) : row_of(batch, i),
           batch.rewards()[i], batch.terminated()[i] != 0, batch.truncated()[i] != 0});
      if (ended && mode != Autoreset::next_step) k[i] = 0;
      if (ended && mode == Autoreset::disabled) vector.reset(i, batch.observation(i));
    }
  }
  return transitions;
}

}  // namespace

TEST_SUITE("vector environment") {
  TEST_CASE("in every autoreset mode the transitions are those of bare environments") {
    for (const char* name : {"CartPole-v1", "Memory", "Probe-ConstantReward", "GridWorld"}) {
      for (const Autoreset mode : kModes) {
        const auto transitions = vector_transitions(name, mode, 400);
        for (std::size_t i = 0; i < transitions.size(); ++i) {
          INFO(name << " mode " << static_cast<int>(mode) << " environment " << i);
          CHECK(transitions[i] == naive_transitions(name, i, transitions[i].size()));
        }
      }
    }
  }

  TEST_CASE("next_step spends one call per episode on the reset and the others spend none") {
    const auto count = [](Autoreset mode) {
      return vector_transitions("Probe-ConstantReward", mode, 100)[0].size();
    };
    CHECK(count(Autoreset::next_step) == 50);
    CHECK(count(Autoreset::same_step) == 100);
    CHECK(count(Autoreset::disabled) == 100);
  }

  TEST_CASE("next_step ignores the action of the call that resets") {
    VectorEnvironment vector = make_vector("Probe-ConstantReward", Autoreset::next_step, 1);
    VectorBatch batch(vector.spec(), 1);
    vector.reset(batch);
    vector.step(batch);
    CHECK(batch.terminated()[0] == 1);
    batch.actions<std::int64_t>()[0] = 99;
    vector.step(batch);
    CHECK(batch.is_reset()[0] == 1);
    CHECK_THROWS_AS(vector.step(batch), Error);
  }

  TEST_CASE("disabled refuses to step an ended episode until it is reset") {
    VectorEnvironment vector = make_vector("Probe-ConstantReward", Autoreset::disabled, 2);
    VectorBatch batch(vector.spec(), 2);
    vector.reset(batch);
    vector.step(batch);
    vector.reset(1, batch.observation(1));
    CHECK_THROWS_WITH_AS(vector.step(0, batch.const_action(0), batch.observation(0)),
                         doctest::Contains("reset(0)"), Error);
    CHECK(vector.step(1, batch.const_action(1), batch.observation(1)).result.terminated);
  }

  TEST_CASE("same_step without final rows is refused before the step is made") {
    VectorEnvironment vector = make_vector("CartPole-v1", Autoreset::same_step, 1);
    VectorBatch batch(vector.spec(), 1);
    vector.reset(batch);
    const auto before = vector.save_state(0);
    CHECK_THROWS_AS(vector.step(0, batch.const_action(0), batch.observation(0)), Error);
    CHECK(vector.save_state(0) == before);
  }

  TEST_CASE("an environment's episodes depend on its index and the seed, not on its neighbours") {
    const auto first = [](std::size_t n, std::uint64_t seed, std::uint64_t first_index,
                          std::size_t i) {
      VectorEnvironment vector =
          make_vector("CartPole-v1", Autoreset::disabled, n, seed, first_index);
      VectorBatch batch(vector.spec(), n);
      vector.reset(batch);
      return row_of(batch, i);
    };
    CHECK(first(5, 11, 0, 3) == first(1, 11, 3, 0));
    CHECK(first(5, 11, 0, 3) == first(2, 11, 2, 1));
    CHECK(first(5, 11, 0, 3) != first(5, 11, 0, 2));
    CHECK(first(5, 11, 0, 3) != first(5, 12, 0, 3));
  }

  TEST_CASE("a loaded state continues exactly, counters and pending resets included") {
    for (const Autoreset mode : kModes) {
      VectorEnvironment original = make_vector("Memory", mode, 1);
      VectorBatch batch(original.spec(), 1);
      original.reset(batch);
      for (int step = 0; step < 40; ++step) {
        VectorEnvironment copy = make_vector("Memory", mode, 1);
        copy.load_state(0, original.save_state(0).value());
        CHECK(copy.save_state(0) == original.save_state(0));
        VectorBatch copied(copy.spec(), 1);
        const bool ended = batch.terminated()[0] || batch.truncated()[0];
        if (ended && mode == Autoreset::disabled) {
          original.reset(batch);
          copy.reset(copied);
        } else {
          original.step(batch);
          copy.step(copied);
        }
        CHECK(row_of(batch, 0) == row_of(copied, 0));
        CHECK(batch.rewards()[0] == copied.rewards()[0]);
        CHECK(original.save_state(0) == copy.save_state(0));
      }
    }
  }

  TEST_CASE("a damaged state is refused and changes nothing") {
    VectorEnvironment vector = make_vector("CartPole-v1", Autoreset::next_step, 1);
    VectorBatch batch(vector.spec(), 1);
    vector.reset(batch);
    const Bytes good = vector.save_state(0).value();
    for (std::size_t size = 0; size < good.size(); ++size) {
      CHECK_THROWS_AS(vector.load_state(0, std::span(good).first(size)), Error);
    }
    Bytes bad = good;
    bad[8] = std::byte{2};  // the flag behind the episode counter
    CHECK_THROWS_AS(vector.load_state(0, bad), Error);
    CHECK(vector.save_state(0) == good);
  }

  TEST_CASE("no environments, unlike environments and batches of another size are refused") {
    CHECK_THROWS_AS(make_vector("CartPole-v1", Autoreset::disabled, 0), Error);
    int made = 0;
    const auto factory = [&made] {
      return make_environment(made++ == 0 ? "CartPole-v1" : "Pendulum-v1");
    };
    CHECK_THROWS_WITH_AS(VectorEnvironment(factory, 2), doctest::Contains("Pendulum-v1"), Error);
    VectorEnvironment vector = make_vector("CartPole-v1", Autoreset::disabled, 2);
    VectorBatch batch(vector.spec(), 3);
    CHECK_THROWS_AS(vector.reset(batch), Error);
    CHECK_THROWS_AS(vector.step(batch), Error);
  }
}

TEST_SUITE("vector batch") {
  TEST_CASE("rows lie one after the other in aligned arrays") {
    const EnvironmentSpec spec = make_environment("GridWorldMasked")->spec();
    VectorBatch batch(spec, 7);
    CHECK(batch.size() == 7);
    CHECK(batch.observations<float>(0).size() == 7 * 25);
    CHECK(batch.observations<std::uint8_t>(1).size() == 7 * 4);
    CHECK(batch.actions<std::int64_t>().size() == 7);
    for (std::size_t i = 0; i < 7; ++i) {
      CHECK(batch.observation(i).as<float>(0) == batch.observations<float>(0).data() + 25 * i);
      CHECK(batch.const_observation(i).as<std::uint8_t>(1) ==
            batch.observations<std::uint8_t>(1).data() + 4 * i);
      CHECK(batch.action(i).as<std::int64_t>(0) == batch.actions<std::int64_t>().data() + i);
    }
    CHECK(reinterpret_cast<std::uintptr_t>(batch.observations<float>(0).data()) % 64 == 0);
    CHECK(reinterpret_cast<std::uintptr_t>(batch.final_observations<float>(0).data()) % 64 == 0);
    CHECK(batch.final_observations<float>(0).data() != batch.observations<float>(0).data());
  }

  TEST_CASE("asking for another element size or tensor is refused") {
    const VectorBatch batch(make_environment("CartPole-v1")->spec(), 2);
    CHECK_THROWS_AS(batch.observations<double>(), Error);
    CHECK_THROWS_AS(batch.actions<float>(), Error);
    CHECK_THROWS_AS(batch.observations<float>(1), Error);
  }
}

}  // namespace rl
