// An environment from its bare rules: write the rules, get the bookkeeping.
#pragma once

#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "rl/core/rng.h"
#include "rl/envs/environment.h"

namespace rl {

// What one step of the rules gives. Truncation is not theirs to tell.
struct TaskStep {
  double reward = 0.0;
  bool terminated = false;
};

// Rules: a `State` of plain numbers without padding, the element type `Action` of the one action
// (std::int64_t, already checked to be in range, or float, already clipped), and
//
//   EnvironmentSpec spec() const;
//   State start(RngStream&) const;                    a first state
//   TaskStep step(State&, std::span<const Action>, RngStream&) const;
//   void observe(const State&, Fields) const;         every element of every row
//   bool is_possible(const State&) const;             false for states no episode can be in
//   std::string render(const State&) const;           may be empty
template <class T>
concept Task = requires(const T rules, typename T::State& state,
                        std::span<const typename T::Action> action, RngStream& stream,
                        Fields rows) {
  requires std::is_trivially_copyable_v<typename T::State>;
  requires std::same_as<typename T::Action, std::int64_t> ||
      std::same_as<typename T::Action, float>;
  { rules.spec() } -> std::same_as<EnvironmentSpec>;
  { rules.start(stream) } -> std::same_as<typename T::State>;
  { rules.step(state, action, stream) } -> std::same_as<TaskStep>;
  { rules.observe(state, rows) } -> std::same_as<void>;
  { rules.is_possible(state) } -> std::same_as<bool>;
  { rules.render(state) } -> std::same_as<std::string>;
};

// Counts the steps of an episode, ends it at the limit, and refuses calls that make no sense.
// Threads: one at a time.
class Episode {
 public:
  // Throws Error unless the spec is valid and has one action, of `action_type`.
  Episode(const EnvironmentSpec& spec, DType action_type);

  void begin();
  // Throw Error when there is no running episode, the rows are too few, or the action is not one.
  void check_step(const EnvironmentSpec& spec, ConstFields action, Fields observation) const;
  void check_rows(const EnvironmentSpec& spec, Fields observation) const;
  std::span<const std::int64_t> read(const EnvironmentSpec& spec, const std::int64_t* row);
  std::span<const float> read(const EnvironmentSpec& spec, const float* row);  // a clipped copy

  // Truncated at the limit unless the task ended in the same step: then it is terminated alone.
  StepResult end_step(const TaskStep& step);

  void save(const EnvironmentSpec& spec, ByteWriter& out) const;
  void load(const EnvironmentSpec& spec, ByteReader& in);

 private:
  std::uint64_t limit_;
  std::uint64_t steps_ = 0;
  bool is_running_ = false;
  std::vector<float> low_, high_, clipped_;  // continuous
  std::vector<std::int64_t> categories_;     // discrete
};

// reset(seed) draws from RngStream(seed, RngRole::environment, 0), and so do later steps.
// A saved state is: name (u64 length, bytes), steps u64, running u8, seed u64, stream position u64,
// then the bytes of T::State.
// Threads: as Environment.
template <Task T>
class TaskEnvironment final : public Environment {
 public:
  explicit TaskEnvironment(T rules = T())
      : rules_(std::move(rules)),
        spec_(rules_.spec()),
        episode_(spec_, std::same_as<typename T::Action, float> ? DType::f32 : DType::i64) {}

  const EnvironmentSpec& spec() const override { return spec_; }

  void reset(std::uint64_t seed, Fields observation) override {
    episode_.check_rows(spec_, observation);
    seed_ = seed;
    stream_ = RngStream(seed, RngRole::environment, 0);
    state_ = rules_.start(stream_);
    episode_.begin();
    rules_.observe(state_, observation);
  }

  StepResult step(ConstFields action, Fields observation) override {
    episode_.check_step(spec_, action, observation);
    const auto values = episode_.read(spec_, action.as<typename T::Action>(0));
    const StepResult result = episode_.end_step(rules_.step(state_, values, stream_));
    rules_.observe(state_, observation);
    return result;
  }

  std::optional<Bytes> save_state() const override {
    ByteWriter out;
    episode_.save(spec_, out);
    out.put(seed_);
    out.put(stream_.position());
    out.put_raw(std::as_bytes(std::span(&state_, 1)));
    return out.take();
  }

  void load_state(std::span<const std::byte> bytes) override;

  std::string render() const override { return rules_.render(state_); }

 private:
  T rules_;
  EnvironmentSpec spec_;
  Episode episode_;
  typename T::State state_{};
  std::uint64_t seed_ = 0;
  RngStream stream_;
};

[[noreturn]] void throw_impossible_state(const EnvironmentSpec& spec);

template <Task T>
void TaskEnvironment<T>::load_state(std::span<const std::byte> bytes) {
  ByteReader in(bytes, "saved state of " + spec_.name);
  Episode episode = episode_;
  episode.load(spec_, in);
  const auto seed = in.get<std::uint64_t>();
  const auto position = in.get<std::uint64_t>();
  typename T::State state;
  std::memcpy(&state, in.get_raw(sizeof state).data(), sizeof state);
  in.expect_end();
  if (!rules_.is_possible(state)) throw_impossible_state(spec_);
  episode_ = std::move(episode);
  seed_ = seed;
  stream_ = RngStream(seed, RngRole::environment, 0, position);
  state_ = state;
}

}  // namespace rl
