// Distributions over actions: what a policy's outputs mean. The learner scores the same actions
// with the same formulas on tensors (algorithms/distributions.h).
//
// Threads: immutable views; one thread at a time per random stream. A distribution views the
// spans it was made from, which must outlive it, and allocates nothing. Every function has the
// same bits on every CPU. A draw takes the stated number of 32-bit draws from the stream, whatever
// the outputs and whatever the result, so that a stream's position counts its samples.
#pragma once

#include <cstdint>
#include <span>

#include "rl/core/rng.h"

namespace rl {

inline constexpr int kCategoricalDraws = 2;    // per action element
inline constexpr int kGaussianDraws = 4;       // per action element, squashed or not
inline constexpr int kEpsilonGreedyDraws = 4;  // per action element

// One choice among categories: p_i = exp(l_i) / sum over allowed j of exp(l_j). A mask of 0 forbids
// a category: never sampled, probability 0. The constructor throws Error when nothing is allowed or
// the mask's length is neither 0 nor that of the logits.
class Categorical {
 public:
  explicit Categorical(std::span<const float> logits, std::span<const std::uint8_t> mask = {});

  std::int64_t sample(RngStream& stream) const;
  std::int64_t mode() const;                      // the first of the likeliest
  double log_prob(std::int64_t category) const;   // -infinity when forbidden or out of range
  double entropy() const;                         // nats

 private:
  bool allows(std::size_t category) const { return mask_.empty() || mask_[category] != 0; }

  std::span<const float> logits_;
  std::span<const std::uint8_t> mask_;
  double max_ = 0.0;    // largest allowed logit
  double total_ = 0.0;  // sum of exp(logit - max_)
};

// Greedy with probability 1 - epsilon, otherwise uniform among the allowed; log_prob is of the
// choice so made. Construction and masks as Categorical.
class EpsilonGreedy {
 public:
  EpsilonGreedy(std::span<const float> values, double epsilon,
                std::span<const std::uint8_t> mask = {});

  std::int64_t sample(RngStream& stream) const;
  std::int64_t mode() const { return best_; }
  double log_prob(std::int64_t category) const;
  double entropy() const;

 private:
  bool allows(std::size_t category) const { return mask_.empty() || mask_[category] != 0; }

  std::size_t size_;
  std::span<const std::uint8_t> mask_;
  double epsilon_;
  std::int64_t best_ = 0;
  std::int64_t num_allowed_ = 0;
};

// Independent categoricals, one per action element, their logits and mask flags one after the
// other. T: std::int32_t or std::int64_t.
class MultiDiscrete {
 public:
  MultiDiscrete(std::span<const float> logits /* [sum of categories] */,
                std::span<const std::int64_t> categories /* [elements] */,
                std::span<const std::uint8_t> mask = {});

  template <class T>
  void sample(RngStream& stream, std::span<T> action /* [elements] */) const;
  template <class T>
  void mode(std::span<T> action) const;
  template <class T>
  double log_prob(std::span<const T> action) const;
  double entropy() const;

 private:
  template <class Visit>
  void for_each_element(Visit visit) const;

  std::span<const float> logits_;
  std::span<const std::int64_t> categories_;
  std::span<const std::uint8_t> mask_;
};

// Independent normals. The log-density is of the action as written, in its own type, so that
// whoever reads the action back computes the same one. T: float or double.
class DiagonalGaussian {
 public:
  DiagonalGaussian(std::span<const float> mean /* [elements] */,
                   std::span<const float> log_std /* [elements] */);

  template <class T>
  void sample(RngStream& stream, std::span<T> action /* [elements] */) const;
  template <class T>
  void mode(std::span<T> action) const;  // the mean
  template <class T>
  double log_prob(std::span<const T> action) const;
  double entropy() const;

 private:
  std::span<const float> mean_;
  std::span<const float> log_std_;
};

// a = low + (high - low) (tanh(u) + 1) / 2 with u normal (Haarnoja et al. 2018, appendix C):
// log p(a) = log N(u) - sum of [2 (log 2 - u - softplus(-2u)) + log((high - low) / 2)].
// u is found back from the written action, y = tanh(u) kept within +-(1 - kSquashMargin), as the
// learner does. Written actions never leave the bounds. T: float or double.
inline constexpr double kSquashMargin = 1e-6;

class SquashedGaussian {
 public:
  SquashedGaussian(std::span<const float> mean /* [elements] */,
                   std::span<const float> log_std /* [elements] */,
                   std::span<const double> low /* [elements] */,
                   std::span<const double> high /* [elements] */);

  template <class T>
  void sample(RngStream& stream, std::span<T> action /* [elements] */) const;
  template <class T>
  void mode(std::span<T> action) const;  // the squashed mean: the median of every element
  template <class T>
  double log_prob(std::span<const T> action) const;
  // By the trapezoid rule over u (there is no closed form): to 1e-6 for log_std <= 2.
  double entropy() const;

 private:
  double squash(std::size_t element, double u) const;

  std::span<const float> mean_;
  std::span<const float> log_std_;
  std::span<const double> low_;
  std::span<const double> high_;
};

}  // namespace rl
