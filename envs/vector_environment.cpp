#include "rl/envs/vector_environment.h"

#include <cstring>

#include "rl/core/error.h"

namespace rl {

VectorEnvironment::VectorEnvironment(const EnvironmentFactory& factory, std::size_t n,
                                     VectorOptions options)
    : options_(options) {
  if (n == 0) {
    throw Error({.where = "vector environment",
                 .what = "it has no environments",
                 .expected = "at least 1",
                 .got = "0"});
  }
  for (std::size_t i = 0; i < n; ++i) {
    slots_.push_back({.environment = factory()});
    const EnvironmentSpec& spec = slots_.back().environment->spec();
    if (i == 0) spec_ = spec;
    if (spec == spec_) continue;
    throw Error({.where = "vector environment",
                 .what = "environment " + std::to_string(i) + " has another spec",
                 .expected = describe(spec_),
                 .got = describe(spec),
                 .remedy = "make every environment alike"});
  }
}

void VectorEnvironment::reset(std::size_t i, Fields observation) {
  Slot& slot = slots_[i];
  slot.environment->reset(
      episode_seed(options_.run_seed, options_.role, options_.first_index + i, slot.episodes),
      observation);
  ++slot.episodes;
  slot.has_ended = false;
}

VectorStep VectorEnvironment::after_end(std::size_t i, Fields observation) {
  if (options_.autoreset == Autoreset::next_step) {
    reset(i, observation);
    return {.is_reset = true};
  }
  throw Error({.where = "vector environment " + spec_.name,
               .what = "step of environment " + std::to_string(i) + ", whose episode has ended",
               .expected = "reset(" + std::to_string(i) + ")",
               .remedy = "reset ended environments, or choose another autoreset mode"});
}

VectorStep VectorEnvironment::step(std::size_t i, ConstFields action, Fields observation,
                                   Fields final_observation) {
  Slot& slot = slots_[i];
  if (slot.has_ended) return after_end(i, observation);
  const bool same_step = options_.autoreset == Autoreset::same_step;
  if (same_step && final_observation.size() != spec_.observations.size()) {
    throw Error({.where = "vector environment " + spec_.name,
                 .what = "same_step has nowhere to write final observations",
                 .expected = std::to_string(spec_.observations.size()) + " rows",
                 .got = std::to_string(final_observation.size())});
  }
  const StepResult result = slot.environment->step(action, observation);
  slot.has_ended = result.ended();
  if (slot.has_ended && same_step) {
    for (std::size_t field = 0; field < observation.size(); ++field) {
      std::memcpy(final_observation.bytes(field), observation.bytes(field),
                  spec_.observations[field].row_bytes());
    }
    reset(i, observation);
  }
  return {.result = result};
}

void VectorEnvironment::check_size(const VectorBatch& batch) const {
  if (batch.size() == size()) return;
  throw Error({.where = "vector environment " + spec_.name,
               .what = "the batch has another number of rows",
               .expected = std::to_string(size()),
               .got = std::to_string(batch.size())});
}

void VectorEnvironment::reset(VectorBatch& batch) {
  check_size(batch);
  for (std::size_t i = 0; i < size(); ++i) {
    reset(i, batch.observation(i));
    batch.rewards()[i] = 0.0F;
    batch.terminated()[i] = batch.truncated()[i] = 0;
    batch.is_reset()[i] = 1;
  }
}

void VectorEnvironment::step(VectorBatch& batch) {
  check_size(batch);
  for (std::size_t i = 0; i < size(); ++i) {
    const VectorStep step =
        this->step(i, batch.const_action(i), batch.observation(i), batch.final_observation(i));
    batch.rewards()[i] = step.result.reward;
    batch.terminated()[i] = step.result.terminated;
    batch.truncated()[i] = step.result.truncated;
    batch.is_reset()[i] = step.is_reset;
  }
}

std::optional<Bytes> VectorEnvironment::save_state(std::size_t i) const {
  const Slot& slot = slots_[i];
  const auto state = slot.environment->save_state();
  if (!state) return std::nullopt;
  ByteWriter out;
  out.put(slot.episodes);
  out.put(static_cast<std::uint8_t>(slot.has_ended));
  out.put_bytes(*state);
  return out.take();
}

void VectorEnvironment::load_state(std::size_t i, std::span<const std::byte> state) {
  ByteReader in(state, "saved state of environment " + std::to_string(i));
  const auto episodes = in.get<std::uint64_t>();
  const auto has_ended = in.get<std::uint8_t>();
  const auto inner = in.get_bytes();
  in.expect_end();
  if (has_ended > 1) {
    throw Error({.where = "vector environment " + spec_.name,
                 .what = "the saved state is damaged",
                 .expected = "a flag of 0 or 1",
                 .got = std::to_string(has_ended)});
  }
  Slot& slot = slots_[i];
  slot.environment->load_state(inner);
  slot.episodes = episodes;
  slot.has_ended = has_ended == 1;
}

}  // namespace rl
