#include "rl/rollout/collector.h"

#include <algorithm>
#include <cstring>

namespace rl::rollout {

Collector::Collector(const RunConfig& config, EnvironmentRange range,
                     const EnvironmentFactory& factory,
                     std::shared_ptr<const FragmentSchema> schema, const Assignment& assignment)
    : config_(config), schema_(std::move(schema)) {
  for (std::uint32_t i = 0; i < range.count; ++i) {
    const std::uint64_t index = range.first + i;
    slots_.push_back({index, factory(), EpisodeRecorder(schema_, index),
                      RngStream(config.seed, RngRole::action, index)});
    restore(slots_.back(), assignment.continuations[i]);
  }
  rows_.resize(slots_.size());
}

void Collector::restore(Slot& slot, std::span<const std::byte> continuation) {
  if (continuation.empty()) return;
  ByteReader in(continuation, "continuation of environment " + std::to_string(slot.index));
  EpisodePosition position;
  position.sequence = in.get<std::uint64_t>();
  position.episode = in.get<std::uint64_t>();
  position.step = in.get<std::uint32_t>();
  position.episode_return = in.get<double>();
  slot.action_stream.seek(in.get<std::uint64_t>());
  const bool has_state = in.get<std::uint8_t>() != 0;
  const auto observation = in.get_bytes();
  const auto state = in.get_bytes();
  in.expect_end();
  const bool mid_episode = position.step > 0;
  if (mid_episode && !has_state) {  // the environment cannot be restored: a new episode begins
    ++position.episode;
    position.step = 0;
    position.episode_return = 0.0;
  }
  slot.recorder = EpisodeRecorder(schema_, slot.index, position);
  if (mid_episode && has_state) {
    slot.environment->load_state(state);
    slot.recorder.set_carried_observation({observation.begin(), observation.end()});
  }
}

Bytes Collector::continuation_of(const Slot& slot) const {
  const EpisodePosition& position = slot.recorder.position();
  const auto state = slot.environment->save_state();
  ByteWriter out;
  out.put(position.sequence);
  out.put(position.episode);
  out.put(position.step);
  out.put(position.episode_return);
  out.put(slot.action_stream.position());
  out.put(static_cast<std::uint8_t>(state.has_value()));
  out.put_bytes(slot.recorder.carried_observation());
  out.put_bytes(state.value_or(Bytes{}));
  return out.take();
}

void Collector::open(Slot& slot, std::size_t capacity) {
  const bool begins = slot.recorder.at_episode_start();
  slot.recorder.open(capacity);
  if (begins) {
    slot.environment->reset(episode_seed(config_.seed, RngRole::environment, slot.index,
                                         slot.recorder.position().episode),
                            slot.recorder.observation());
  }
}

void Collector::step(Slot& slot, std::uint64_t version) {
  const StepResult result = slot.environment->step(slot.recorder.const_action(),
                                                   slot.recorder.next_observation());
  slot.recorder.record(result, version);
  ++num_steps_;
}

// The continuation tells the position after the fragment, so it can only be written behind it.
FragmentPtr Collector::finish(Slot& slot, std::uint64_t round, bool ends_round) {
  if (!ends_round) return slot.recorder.finish(0, round, false);
  auto fragment = slot.recorder.finish(0, round, true);
  const Bytes continuation = continuation_of(slot);
  auto whole = std::make_shared<Fragment>(
      fragment->prefix(fragment->num_steps(), continuation.size()));
  std::memcpy(whole->continuation().data(), continuation.data(), continuation.size());
  return whole;
}

bool Collector::collect(Policy& policy, std::size_t steps, std::uint64_t round,
                        const Sink& sink) {
  const std::uint64_t version = policy.version();
  for (std::size_t s = 0; s < steps; ++s) {
    const std::size_t left = steps - s;
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      Slot& slot = slots_[i];
      const std::size_t most = config_.fragment_steps;
      if (!slot.recorder.is_open()) open(slot, round > 0 ? std::min(most, left) : most);
      rows_[i] = {slot.recorder.const_observation(), slot.recorder.action(),
                  slot.recorder.log_prob(), &slot.action_stream};
    }
    policy.act(rows_, ActMode::sample);
    for (Slot& slot : slots_) {
      step(slot, version);
      const bool ends_round = round > 0 && left == 1;
      const bool episode_ended = slot.recorder.ended();
      if (!episode_ended && !slot.recorder.is_full() && !ends_round) continue;
      if (!sink(finish(slot, round, ends_round))) return false;
    }
  }
  return true;
}

bool Collector::finish_open(const Sink& sink) {
  for (Slot& slot : slots_) {
    if (!slot.recorder.is_open()) continue;
    if (slot.recorder.num_steps() == 0) {
      slot.recorder.abandon();
    } else if (!sink(finish(slot, 0, false))) {
      return false;
    }
  }
  return true;
}

}  // namespace rl::rollout
