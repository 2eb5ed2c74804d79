#include "rl/algorithms/options.h"

#include <cmath>
#include <limits>
#include <sstream>

#include "rl/core/error.h"

namespace rl {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string text(double value) {
  std::ostringstream stream;
  stream << value;
  return stream.str();
}

[[noreturn]] void reject(const std::string& owner, const std::string& field,
                         const std::string& expected, const std::string& got) {
  throw Error({.where = owner, .what = field + " is out of range", .expected = expected,
               .got = got, .remedy = "change the option " + field});
}

// Names the options that are checked, e.g. "ppo options".
class Checker {
 public:
  explicit Checker(std::string owner) : owner_(std::move(owner)) {}

  void within(const char* field, double value, double low, double high) const {
    if (std::isfinite(value) && value >= low && value <= high) return;
    reject(owner_, field,
           high == kInfinity ? "at least " + text(low) : text(low) + " to " + text(high),
           text(value));
  }
  void above(const char* field, double value, double low) const {
    if (std::isfinite(value) && value > low) return;
    reject(owner_, field, "above " + text(low), text(value));
  }
  void positive(const char* field, std::size_t value) const {
    if (value > 0) return;
    reject(owner_, field, "at least 1", "0");
  }

 private:
  std::string owner_;
};

}  // namespace

void validate(const NetworkOptions& options) {
  constexpr std::int64_t kMaxWidth = 65536;
  for (const std::int64_t width : options.hidden) {
    if (width >= 1 && width <= kMaxWidth) continue;
    reject("network options", "hidden", "widths from 1 to " + std::to_string(kMaxWidth),
           std::to_string(width));
  }
  if (options.activation != "tanh" && options.activation != "relu") {
    reject("network options", "activation", "tanh or relu", options.activation);
  }
}

void validate(const PpoOptions& options) {
  validate(options.network);
  const Checker check("ppo options");
  check.positive("rollout_steps", options.rollout_steps);
  check.positive("epochs", options.epochs);
  check.positive("minibatch_size", options.minibatch_size);
  check.above("learning_rate", options.learning_rate, 0.0);
  check.above("adam_epsilon", options.adam_epsilon, 0.0);
  check.within("discount", options.discount, 0.0, 1.0);
  check.within("gae_lambda", options.gae_lambda, 0.0, 1.0);
  check.above("clip", options.clip, 0.0);
  check.within("value_clip", options.value_clip, 0.0, kInfinity);
  check.within("value_coefficient", options.value_coefficient, 0.0, kInfinity);
  check.within("entropy_coefficient", options.entropy_coefficient, 0.0, kInfinity);
  check.above("max_gradient_norm", options.max_gradient_norm, 0.0);
  check.within("target_kl", options.target_kl, 0.0, kInfinity);
  check.within("initial_log_std", options.initial_log_std, -20.0, 2.0);
}

void validate(const DqnOptions& options) {
  validate(options.network);
  const Checker check("dqn options");
  check.positive("train_every", options.train_every);
  check.positive("updates_per_train", options.updates_per_train);
  check.positive("batch_size", options.batch_size);
  check.positive("replay_capacity", options.replay_capacity);
  check.positive("n_step", options.n_step);
  check.positive("target_update_every", options.target_update_every);
  check.above("learning_rate", options.learning_rate, 0.0);
  check.within("discount", options.discount, 0.0, 1.0);
  check.within("priority_exponent", options.priority_exponent, 0.0, 1.0);
  check.within("importance_exponent", options.importance_exponent, 0.0, 1.0);
  check.above("max_gradient_norm", options.max_gradient_norm, 0.0);
  check.within("epsilon_start", options.epsilon_start, 0.0, 1.0);
  check.within("epsilon_end", options.epsilon_end, 0.0, options.epsilon_start);
  check.within("epsilon_fraction", options.epsilon_fraction, 0.0, 1.0);
  if (options.replay_capacity < options.learning_starts ||
      options.replay_capacity < options.batch_size) {
    reject("dqn options", "replay_capacity",
           "at least learning_starts (" + std::to_string(options.learning_starts) +
               ") and batch_size (" + std::to_string(options.batch_size) + ")",
           std::to_string(options.replay_capacity));
  }
}

}  // namespace rl
