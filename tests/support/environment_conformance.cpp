#include "support/environment_conformance.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <span>

#include <doctest/doctest.h>

#include "rl/core/error.h"

namespace rl {
namespace {

using Factory = std::function<std::unique_ptr<Environment>()>;

double element_of(const TensorSpec& spec, const std::byte* row, std::size_t i) {
  switch (spec.dtype) {
    case DType::u8:
      return static_cast<double>(reinterpret_cast<const std::uint8_t*>(row)[i]);
    case DType::i32:
      return static_cast<double>(reinterpret_cast<const std::int32_t*>(row)[i]);
    case DType::i64:
      return static_cast<double>(reinterpret_cast<const std::int64_t*>(row)[i]);
    case DType::f32:
      return static_cast<double>(reinterpret_cast<const float*>(row)[i]);
    case DType::f64:
      return reinterpret_cast<const double*>(row)[i];
    case DType::f16:
    case DType::bf16:
      break;
  }
  return 0.0;  // half precision is widened, and checked, by who uses it
}

bool is_within(const TensorSpec& spec, std::size_t i, double value) {
  double low = spec.low_at(i);
  double high = spec.high_at(i);
  if (spec.dtype == DType::f32) {  // the bound as it looks after the same rounding
    low = static_cast<float>(low);
    high = static_cast<float>(high);
  }
  return std::isfinite(value) && value >= low && value <= high;
}

// An environment being played, with the rows it writes to.
struct Player {
  explicit Player(const Factory& factory)
      : environment(factory()),
        observation(environment->spec().observations),
        action(environment->spec().actions) {}

  const EnvironmentSpec& spec() const { return environment->spec(); }
  void reset(std::uint64_t seed) { environment->reset(seed, observation.fields()); }
  StepResult step() { return environment->step(action.const_fields(), observation.fields()); }
  void draw(RngStream& stream) {
    draw_action(spec(), observation.const_fields(), stream, action.fields());
  }
  // Whether stepping throws, as it should, and leaves the state as it was.
  bool refuses_step() {
    const auto before = environment->save_state();
    try {
      step();
      return false;
    } catch (const Error&) {
      return environment->save_state() == before;
    }
  }

  std::unique_ptr<Environment> environment;
  OwnedRows observation;
  OwnedRows action;
};

class Inspector {
 public:
  Inspector(const Factory& factory, const ConformanceOptions& options)
      : factory_(factory), options_(options) {}

  std::vector<std::string> inspect() {
    if (!inspect_spec()) return defects_;
    const auto first = play(options_.seed, std::byte{0xA5});
    expect(first == play(options_.seed, std::byte{0x3C}),
           "two equal seeds differ, or elements of an observation are not written");
    if (options_.depends_on_seed) {
      expect(first != play(options_.seed + 1, std::byte{0xA5}), "a different seed changes nothing");
    }
    inspect_calls_out_of_order();
    inspect_bad_actions();
    inspect_clipping();
    inspect_saved_states();
    inspect_bad_states();
    return defects_;
  }

 private:
  void expect(bool ok, const std::string& defect) {
    if (!ok && std::find(defects_.begin(), defects_.end(), defect) == defects_.end()) {
      defects_.push_back(defect);
    }
  }

  bool inspect_spec() {
    try {
      const auto one = factory_();
      validate(one->spec());
      expect(one->spec() == factory_()->spec(), "two objects have different specs");
    } catch (const Error& error) {
      defects_.push_back(std::string("the spec is not valid: ") + error.what());
    }
    return defects_.empty();
  }

  void inspect_values(const Player& player) {
    for (std::size_t t = 0; t < player.spec().observations.size(); ++t) {
      const TensorSpec& spec = player.spec().observations[t];
      for (std::size_t i = 0; i < spec.num_elements(); ++i) {
        expect(is_within(spec, i, element_of(spec, player.observation.const_fields().bytes(t), i)),
               "observation " + spec.name + "[" + std::to_string(i) +
                   "] leaves its bounds or is not finite");
      }
    }
  }

  void inspect_result(const EnvironmentSpec& spec, const StepResult& result, std::size_t length) {
    expect(std::isfinite(result.reward), "a reward is not finite");
    expect(result.reward >= static_cast<float>(spec.reward_low) &&
               result.reward <= static_cast<float>(spec.reward_high),
           "a reward leaves the bounds of the spec");
    expect(!(result.terminated && result.truncated), "a step is both terminated and truncated");
    const auto limit = static_cast<std::size_t>(spec.max_episode_steps);
    if (limit > 0) {
      expect(length < limit || result.ended(), "an episode goes on beyond max_episode_steps");
    }
  }

  // Everything the environment says in a run, as bytes.
  Bytes play(std::uint64_t seed, std::byte poison) {
    Player player(factory_);
    RngStream actions(options_.seed, RngRole::test, 0);
    RngStream episodes(seed, RngRole::test, 4);
    ByteWriter transcript;
    const auto note_observation = [&] {
      transcript.put_raw(player.observation.bytes());
      inspect_values(player);
      expect(player.observation.guards_are(poison), "it writes behind the end of a row");
    };
    std::size_t length = 0;
    for (std::size_t step = 0; step < options_.steps; ++step) {
      if (length == 0) {
        player.observation.poison(poison);
        player.reset(episodes.next_u64());
        note_observation();
      }
      player.draw(actions);
      player.observation.poison(poison);
      const StepResult result = player.step();
      transcript.put(result.reward);
      transcript.put(static_cast<std::uint8_t>(result.terminated + 2 * result.truncated));
      inspect_result(player.spec(), result, ++length);
      note_observation();
      if (result.ended()) length = 0;
    }
    return transcript.take();
  }

  void inspect_calls_out_of_order() {
    Player player(factory_);
    RngStream stream(options_.seed, RngRole::test, 1);
    expect(player.refuses_step(), "a step before the first reset is accepted");
    player.reset(options_.seed);
    for (std::size_t step = 0; step < options_.steps; ++step) {
      player.draw(stream);
      if (!player.step().ended()) continue;
      player.draw(stream);
      expect(player.refuses_step(), "a step after the end of an episode is accepted");
      return;
    }
  }

  void inspect_bad_actions() {
    Player player(factory_);
    RngStream stream(options_.seed, RngRole::test, 2);
    player.reset(options_.seed);
    for (std::size_t t = 0; t < player.spec().actions.size(); ++t) {
      const TensorSpec& spec = player.spec().actions[t];
      std::byte* row = player.action.fields().bytes(t);
      for (std::size_t i = 0; i < spec.num_elements(); ++i) {
        std::vector<double> bad{std::numeric_limits<double>::quiet_NaN()};
        if (spec.is_discrete()) bad = {-1.0, spec.high_at(i) + 1.0};
        for (const double value : bad) {
          player.draw(stream);
          set_element(spec, row, i, value);
          expect(player.refuses_step(),
                 "an action outside the spec is accepted, or changes the "
                 "state before it is refused");
        }
      }
    }
  }

  void inspect_clipping() {
    Player beyond(factory_);
    Player clipped(factory_);
    for (std::size_t t = 0; t < beyond.spec().actions.size(); ++t) {
      const TensorSpec& spec = beyond.spec().actions[t];
      if (spec.is_discrete()) continue;
      for (const double far : {-1e6, 1e6, -std::numeric_limits<double>::infinity(),
                               std::numeric_limits<double>::infinity()}) {
        beyond.reset(options_.seed);
        clipped.reset(options_.seed);
        for (std::size_t i = 0; i < spec.num_elements(); ++i) {
          const double bound = std::clamp(far, spec.low_at(i), spec.high_at(i));
          set_element(spec, beyond.action.fields().bytes(t), i, std::isfinite(bound) ? far : 0.0);
          set_element(spec, clipped.action.fields().bytes(t), i,
                      std::isfinite(bound) ? bound : 0.0);
        }
        expect(beyond.step().reward == clipped.step().reward &&
                   beyond.observation.bytes() == clipped.observation.bytes(),
               "a continuous action outside its bounds is not clipped to them");
      }
    }
  }

  // Plays one object; at random steps a fresh object takes its state and must go on alike.
  void inspect_saved_states() {
    Player player(factory_);
    RngStream stream(options_.seed, RngRole::test, 3);
    bool running = false;
    for (std::size_t step = 0; step < options_.steps; ++step) {
      if (!running) player.reset(stream.next_u64());
      running = true;
      if (stream.below(16) == 0) {
        const auto state = player.environment->save_state();
        if (!state) return;
        player.environment->render();
        expect(player.environment->save_state() == state, "render() changes the state");
        Player fresh(factory_);
        fresh.environment->load_state(*state);
        expect(fresh.environment->save_state() == state, "a loaded state is saved differently");
        std::swap(player.environment, fresh.environment);
        running = follow(player, *fresh.environment, stream);
        continue;
      }
      player.draw(stream);
      running = !player.step().ended();
    }
  }

  // False when the episode ended.
  bool follow(Player& player, Environment& original, RngStream& stream) {
    OwnedRows observation(player.spec().observations);
    for (int step = 0; step < 40; ++step) {
      player.draw(stream);
      const StepResult one = player.step();
      const StepResult two = original.step(player.action.const_fields(), observation.fields());
      expect(one.reward == two.reward && one.terminated == two.terminated &&
                 one.truncated == two.truncated &&
                 player.observation.bytes() == observation.bytes(),
             "it does not continue exactly from a saved state");
      if (one.ended() || two.ended()) return false;
    }
    return true;
  }

  void inspect_bad_states() {
    Player player(factory_);
    player.reset(options_.seed);
    const auto state = player.environment->save_state();
    std::vector<Bytes> bad{{}, Bytes(7, std::byte{0xFF})};
    if (state) {
      for (std::size_t size = 0; size < state->size(); ++size) {
        bad.emplace_back(state->begin(), state->begin() + static_cast<std::ptrdiff_t>(size));
      }
      bad.push_back(*state);
      bad.back().push_back(std::byte{0});
    }
    for (const Bytes& bytes : bad) {
      bool refused = false;
      try {
        player.environment->load_state(bytes);
      } catch (const Error&) {
        refused = true;
      }
      expect(refused && player.environment->save_state() == state,
             "a damaged saved state is accepted, or changes the state before it is refused");
    }
  }

  const Factory& factory_;
  ConformanceOptions options_;
  std::vector<std::string> defects_;
};

}  // namespace

std::vector<std::string> find_environment_defects(const Factory& factory,
                                                  const ConformanceOptions& options) {
  return Inspector(factory, options).inspect();
}

void check_environment(const Factory& factory, const ConformanceOptions& options) {
  const std::vector<std::string> defects = find_environment_defects(factory, options);
  for (const std::string& defect : defects) FAIL_CHECK(defect);
  CHECK(defects.empty());
}

}  // namespace rl
