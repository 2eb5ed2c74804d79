// Running statistics that scale observations and rewards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace rl {

// Mean and variance of rows seen so far, per column, in double: one row after the other (Welford
// 1962), so the state depends on the rows and their order alone, not on how they were batched.
// Threads: one at a time per object.
class RunningMoments {
 public:
  // A row with a value that is not finite, or larger than this in magnitude, is refused whole.
  static constexpr double kMaxMagnitude = 1e100;

  explicit RunningMoments(std::size_t width);

  // Takes the rows in order. A refused row changes nothing but refused(). Throws Error, changing
  // nothing, when the length is not a multiple of the width.
  void update(std::span<const float> rows /* [n, width] */);
  void update(std::span<const double> rows /* [n, width] */);

  std::size_t width() const { return mean_.size(); }
  std::uint64_t count() const { return count_; }      // rows taken
  std::uint64_t refused() const { return refused_; }  // rows refused
  std::span<const double> mean() const { return mean_; }  // [width], 0 before the first row
  double variance(std::size_t column) const;   // of the population, 1 before the first row
  std::vector<double> variance() const;        // [width]

  // count, refused, mean [width], m2 [width]: restoring it and going on gives the same bytes as
  // never having stopped. restore() throws Error, changing nothing, unless the values could have
  // come from save() of the same width.
  std::vector<double> save() const;
  void restore(std::span<const double> state);

 private:
  template <class T>
  void update_rows(std::span<const T> rows);

  std::uint64_t count_ = 0;
  std::uint64_t refused_ = 0;
  std::vector<double> mean_;
  std::vector<double> m2_;  // sum of squared deviations from the mean
};

// Divides rewards by the standard deviation of the discounted return, which leaves the best policy
// as it is and makes the scale of the value function the same in every environment
// (Engstrom et al. 2020, "Implementation matters in deep policy gradients").
// Threads: one at a time per object.
class ReturnNormaliser {
 public:
  // Throws Error unless 0 <= discount <= 1 and clip > 0.
  ReturnNormaliser(std::size_t num_environments, double discount, double clip = 10.0);

  // Moves the environment's return on, R <- discount R + reward, counts it, and starts the next
  // episode at 0 when this one ended. A refused reward (see RunningMoments) only ends the episode.
  void update(std::size_t environment, double reward, bool ended);
  // reward / sqrt(variance of R + 1e-8), within +-clip.
  double scale(double reward) const;

  const RunningMoments& moments() const { return moments_; }
  // The state of the moments, then the return of each environment. As RunningMoments.
  std::vector<double> save() const;
  void restore(std::span<const double> state);

 private:
  double discount_;
  double clip_;
  RunningMoments moments_{1};
  std::vector<double> returns_;  // [environments]
};

}  // namespace rl
