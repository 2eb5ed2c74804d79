#include "learner/run_state.h"

#include <numeric>

namespace rl {
namespace {

// One list of the plain fields serves both directions.
template <class State, class Visit>
void visit_fields(State& state, const Visit& visit) {
  visit(state.environment_steps);
  visit(state.weight_version);
  visit(state.episodes);
  visit(state.gradient_steps);
  visit(state.skipped_steps);
  visit(state.next_evaluation);
  visit(state.next_log);
  visit(state.wall_seconds);
  visit(state.last_evaluation);
  visit(state.best_evaluation);
  visit(state.fragments_received);
  visit(state.fragments_inserted);
  for (auto& count : state.dropped) visit(count);
}

void put(ByteWriter& out, const std::deque<double>& values) {
  out.put(static_cast<std::uint64_t>(values.size()));
  for (const double value : values) out.put(value);
}

std::deque<double> get_values(ByteReader& in) {
  std::deque<double> values;
  for (auto left = in.get<std::uint64_t>(); left > 0; --left) values.push_back(in.get<double>());
  return values;
}

double mean(const std::deque<double>& values) {
  if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

std::string_view name(LearnerDrop reason) {
  switch (reason) {
    case LearnerDrop::duplicate: return "duplicate";
    case LearnerDrop::stale_round: return "stale_round";
    case LearnerDrop::foreign_environment: return "foreign_environment";
    case LearnerDrop::stale_weights: return "stale_weights";
    case LearnerDrop::out_of_spec: return "out_of_spec";
    case LearnerDrop::malformed: return "malformed";
    case LearnerDrop::over_credit: return "over_credit";
    case LearnerDrop::zero_variance: return "zero_variance";
    case LearnerDrop::surplus: return "surplus";
    case LearnerDrop::run_ended: return "run_ended";
    case LearnerDrop::lying: return "lying";
    case LearnerDrop::count_: break;
  }
  return "unknown";
}

void RunState::count_episode(double episode_return, double length) {
  ++episodes;
  recent_returns.push_back(episode_return);
  recent_lengths.push_back(length);
  if (recent_returns.size() <= kRecentEpisodes) return;
  recent_returns.pop_front();
  recent_lengths.pop_front();
}

double RunState::mean_recent_return() const { return mean(recent_returns); }
double RunState::mean_recent_length() const { return mean(recent_lengths); }

Bytes to_bytes(const RunState& state) {
  ByteWriter out;
  visit_fields(state, [&](const auto& field) { out.put(field); });
  put(out, state.recent_returns);
  put(out, state.recent_lengths);
  return out.take();
}

RunState run_state_from_bytes(std::span<const std::byte> bytes) {
  RunState state;
  ByteReader in(bytes, "saved run state");
  visit_fields(state, [&](auto& field) { field = in.get<std::decay_t<decltype(field)>>(); });
  state.recent_returns = get_values(in);
  state.recent_lengths = get_values(in);
  in.expect_end();
  return state;
}

}  // namespace rl
