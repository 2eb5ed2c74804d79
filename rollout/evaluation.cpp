#include "rl/rollout/evaluation.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

namespace rl::rollout {
namespace {

// Rows of one environment outside any fragment.
class RowBuffer {
 public:
  explicit RowBuffer(const std::vector<TensorSpec>& specs) {
    for (const auto& spec : specs) storage_.emplace_back(spec.row_bytes());
    for (auto& bytes : storage_) {
      rows_.push_back(bytes.data());
      const_rows_.push_back(bytes.data());
    }
  }
  Fields fields() { return Fields(rows_); }
  ConstFields const_fields() const { return ConstFields(const_rows_); }

 private:
  std::vector<Bytes> storage_;
  std::vector<std::byte*> rows_;
  std::vector<const std::byte*> const_rows_;
};

struct Player {
  Player(std::unique_ptr<Environment> played)
      : environment(std::move(played)),
        observation(environment->spec().observations),
        action(environment->spec().actions) {}

  std::unique_ptr<Environment> environment;
  RowBuffer observation, action;
  RngStream stream;
  std::size_t episode = 0;
  double episode_return = 0.0;
  std::uint32_t length = 0;
};

class Evaluation {
 public:
  Evaluation(const EnvironmentRegistry& registry, const std::string& environment,
             const WeightSnapshot& snapshot, const EvaluationOptions& options)
      : options_(options), returns_(options.episodes), lengths_(options.episodes) {
    const std::size_t count = std::clamp<std::size_t>(options.environments, 1, options.episodes);
    for (std::size_t i = 0; i < count; ++i) {
      players_.push_back(std::make_unique<Player>(registry.make(environment)));
    }
    policy_ = make_policy(players_.front()->environment->spec(), snapshot);
  }

  EvaluationResult run() {
    for (auto& player : players_) begin(*player);
    while (!players_.empty() && !(options_.stop && *options_.stop)) step_all();
    EvaluationResult result{.returns = {}, .lengths = {}, .weight_version = policy_->version()};
    for (std::size_t i = 0; i < options_.episodes; ++i) {
      if (lengths_[i] == 0) continue;
      result.returns.push_back(returns_[i]);
      result.lengths.push_back(lengths_[i]);
    }
    return result;
  }

 private:
  void begin(Player& player) {
    player.episode = next_episode_++;
    player.episode_return = 0.0;
    player.length = 0;
    player.stream = RngStream(options_.seed, RngRole::evaluation_action, player.episode);
    player.environment->reset(
        episode_seed(options_.seed, RngRole::evaluation, player.episode, 0),
        player.observation.fields());
    show(player);
  }

  void show(const Player& player) const {
    if (!options_.render || &player != players_.front().get()) return;
    options_.render(player.environment->render(), player.episode, player.episode_return);
  }

  void step_all() {
    rows_.clear();
    for (auto& player : players_) {
      rows_.push_back({player->observation.const_fields(), player->action.fields(), nullptr,
                       &player->stream});
    }
    policy_->act(rows_, options_.mode);
    std::erase_if(players_, [this](auto& player) { return !step(*player); });
  }

  // False when the player has no episode left.
  bool step(Player& player) {
    const StepResult result =
        player.environment->step(player.action.const_fields(), player.observation.fields());
    player.episode_return += static_cast<double>(result.reward);
    ++player.length;
    show(player);
    if (!result.ended()) return true;
    returns_[player.episode] = player.episode_return;
    lengths_[player.episode] = player.length;
    if (next_episode_ == options_.episodes) return false;
    begin(player);
    return true;
  }

  const EvaluationOptions& options_;
  std::vector<std::unique_ptr<Player>> players_;
  std::unique_ptr<Policy> policy_;
  std::vector<ActRow> rows_;
  std::vector<double> returns_;
  std::vector<std::uint32_t> lengths_;
  std::size_t next_episode_ = 0;
};

template <class T>
double mean(const std::vector<T>& values) {
  if (values.empty()) return 0.0;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

}  // namespace

double EvaluationResult::mean_return() const { return mean(returns); }
double EvaluationResult::mean_length() const { return mean(lengths); }

double EvaluationResult::standard_error() const {
  if (returns.size() < 2) return 0.0;
  const double center = mean_return();
  double squares = 0.0;
  for (const double value : returns) squares += (value - center) * (value - center);
  const auto n = static_cast<double>(returns.size());
  return std::sqrt(squares / (n - 1.0) / n);
}

EvaluationResult evaluate(const EnvironmentRegistry& registry, const std::string& environment,
                          const WeightSnapshot& snapshot, const EvaluationOptions& options) {
  return Evaluation(registry, environment, snapshot, options).run();
}

}  // namespace rl::rollout
