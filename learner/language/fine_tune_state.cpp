#include "learner/language/fine_tune_state.h"

#include <type_traits>

namespace rl {
namespace {

// One list of the fields serves both directions.
template <class State, class Visit>
void visit_fields(State& state, const Visit& visit) {
  visit(state.steps);
  visit(state.epoch);
  visit(state.next_batch);
  visit(state.tokens);
  visit(state.evaluated_at);
  visit(state.wall_seconds);
  visit(state.training_loss);
  visit(state.held_out.loss);
  visit(state.held_out.token_accuracy);
  visit(state.held_out.exact_match);
  visit(state.held_out.exact_prompts);
  visit(state.held_out.pair_accuracy);
  visit(state.held_out.reward_margin);
}

}  // namespace

Bytes to_bytes(const FineTuneState& state) {
  ByteWriter out;
  visit_fields(state, [&](const auto& field) { out.put(field); });
  return out.take();
}

FineTuneState fine_tune_state_from_bytes(std::span<const std::byte> bytes) {
  FineTuneState state;
  ByteReader in(bytes, "saved state of a fine-tuning run");
  visit_fields(state, [&](auto& field) { field = in.get<std::decay_t<decltype(field)>>(); });
  in.expect_end();
  return state;
}

}  // namespace rl
