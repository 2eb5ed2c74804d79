#include "rl/rollout/episode_recorder.h"

#include <algorithm>
#include <cstring>

#include "rl/core/error.h"

namespace rl::rollout {
namespace {

std::vector<std::size_t> columns_with_prefix(const FragmentSchema& schema,
                                             std::string_view prefix) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < schema.columns().size(); ++i) {
    if (schema.columns()[i].tensor.name.starts_with(prefix)) found.push_back(i);
  }
  return found;
}

}  // namespace

EpisodeRecorder::EpisodeRecorder(std::shared_ptr<const FragmentSchema> schema,
                                 std::uint64_t environment, EpisodePosition position)
    : schema_(std::move(schema)),
      environment_(environment),
      position_(position),
      observation_columns_(columns_with_prefix(*schema_, kObservationPrefix)),
      action_columns_(columns_with_prefix(*schema_, kActionPrefix)),
      reward_column_(schema_->require(kRewardColumn)),
      log_prob_column_(schema_->require(kLogProbColumn)),
      version_column_(schema_->require(kPolicyVersionColumn)),
      observation_rows_(observation_columns_.size()),
      next_observation_rows_(observation_columns_.size()),
      action_rows_(action_columns_.size()),
      const_observation_rows_(observation_columns_.size()),
      const_action_rows_(action_columns_.size()) {}

std::size_t EpisodeRecorder::observation_bytes() const {
  std::size_t bytes = 0;
  for (const std::size_t column : observation_columns_) {
    bytes += schema_->columns()[column].tensor.row_bytes();
  }
  return bytes;
}

void EpisodeRecorder::set_carried_observation(std::vector<std::byte> observation) {
  if (observation.size() != observation_bytes()) {
    throw Error({.where = "environment " + std::to_string(environment_),
                 .what = "the saved observation has the wrong size",
                 .expected = std::to_string(observation_bytes()) + " bytes",
                 .got = std::to_string(observation.size())});
  }
  carried_ = std::move(observation);
}

void EpisodeRecorder::open(std::size_t capacity) {
  fragment_ = std::make_unique<Fragment>(schema_, capacity);
  capacity_ = capacity;
  num_steps_ = 0;
  end_ = FragmentEnd::running;
  auto& header = fragment_->header();
  header.environment = environment_;
  header.sequence = position_.sequence;
  header.episode = position_.episode;
  header.first_step = position_.step;
  point_rows();
  if (at_episode_start()) return;
  const std::byte* source = carried_.data();
  for (std::size_t i = 0; i < observation_columns_.size(); ++i) {
    const std::size_t bytes = schema_->columns()[observation_columns_[i]].tensor.row_bytes();
    std::memcpy(observation_rows_[i], source, bytes);
    source += bytes;
  }
}

void EpisodeRecorder::point_rows() {
  const auto row_bytes = [&](std::size_t column) {
    return schema_->columns()[column].tensor.row_bytes();
  };
  for (std::size_t i = 0; i < observation_columns_.size(); ++i) {
    observation_rows_[i] = fragment_->row(observation_columns_[i], 0);
    next_observation_rows_[i] = observation_rows_[i] + row_bytes(observation_columns_[i]);
  }
  for (std::size_t i = 0; i < action_columns_.size(); ++i) {
    action_rows_[i] = fragment_->row(action_columns_[i], 0);
  }
  reward_ = fragment_->column<float>(reward_column_).data();
  log_prob_ = fragment_->column<float>(log_prob_column_).data();
  version_ = fragment_->column<std::int64_t>(version_column_).data();
  std::ranges::copy(observation_rows_, const_observation_rows_.begin());
  std::ranges::copy(action_rows_, const_action_rows_.begin());
}

ConstFields EpisodeRecorder::const_observation() const {
  return ConstFields(const_observation_rows_);
}

ConstFields EpisodeRecorder::const_action() const { return ConstFields(const_action_rows_); }

void EpisodeRecorder::record(const StepResult& result, std::uint64_t policy_version) {
  *reward_++ = result.reward;
  *version_++ = static_cast<std::int64_t>(policy_version);
  ++log_prob_;
  for (std::size_t i = 0; i < observation_columns_.size(); ++i) {
    const_observation_rows_[i] = observation_rows_[i] = next_observation_rows_[i];
    next_observation_rows_[i] += schema_->columns()[observation_columns_[i]].tensor.row_bytes();
  }
  for (std::size_t i = 0; i < action_columns_.size(); ++i) {
    action_rows_[i] += schema_->columns()[action_columns_[i]].tensor.row_bytes();
    const_action_rows_[i] = action_rows_[i];
  }
  ++num_steps_;
  ++position_.step;
  position_.episode_return += static_cast<double>(result.reward);
  if (result.terminated) {
    end_ = FragmentEnd::terminated;
  } else if (result.truncated) {
    end_ = FragmentEnd::truncated;
  }
}

void EpisodeRecorder::carry_last_row() {
  carried_.resize(observation_bytes());
  std::byte* target = carried_.data();
  for (std::size_t i = 0; i < observation_columns_.size(); ++i) {
    const std::size_t bytes = schema_->columns()[observation_columns_[i]].tensor.row_bytes();
    std::memcpy(target, observation_rows_[i], bytes);
    target += bytes;
  }
}

std::unique_ptr<Fragment> EpisodeRecorder::finish(std::size_t continuation_bytes,
                                                  std::uint64_t round, bool ends_round) {
  carry_last_row();
  std::unique_ptr<Fragment> fragment = std::move(fragment_);
  if (num_steps_ < capacity_ || continuation_bytes > 0) {
    fragment = std::make_unique<Fragment>(fragment->prefix(num_steps_, continuation_bytes));
  }
  auto& header = fragment->header();
  header.episode_return = position_.episode_return;
  header.end = end_;
  header.round = round;
  header.ends_round = ends_round ? 1 : 0;
  ++position_.sequence;
  if (end_ != FragmentEnd::running) {
    ++position_.episode;
    position_.step = 0;
    position_.episode_return = 0.0;
  }
  return fragment;
}

void EpisodeRecorder::abandon() { fragment_.reset(); }

}  // namespace rl::rollout
