#include "rl/policies/distribution.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>

#include "rl/core/error.h"
#include "rl/core/portable_math.h"

namespace rl {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kHalfLogTwoPi = 0.91893853320467274178;

[[noreturn]] void refuse(const char* where, const char* what, const std::string& expected,
                         const std::string& got) {
  throw Error({.where = where,
               .what = what,
               .expected = expected,
               .got = got,
               .remedy = "correct the environment's action_mask"});
}

// The texts are built only on failure: these run at every step.
void require_mask_fits(const char* where, std::size_t logits, std::size_t mask) {
  if (mask == 0 || mask == logits) return;
  refuse(where, "the mask does not fit", std::to_string(logits) + " flags", std::to_string(mask));
}

void require_allowed(bool any, const char* where, std::size_t categories) {
  if (any) return;
  refuse(where, "the mask forbids every action",
         "at least one of " + std::to_string(categories) + " categories allowed", "none");
}

double normal_log_density(double x, double mean, double log_std) {
  const double z = (x - mean) * portable::exp(-log_std);
  return -0.5 * z * z - log_std - kHalfLogTwoPi;
}

double log_tanh_slope(double u) {  // log(1 - tanh(u)^2), without cancellation
  return 2.0 * (std::numbers::ln2 - u - portable::softplus(-2.0 * u));
}

// Rounds to T without leaving [low, high].
template <class T>
T round_within(double value, double low, double high) {
  auto rounded = static_cast<T>(std::clamp(value, low, high));
  if (static_cast<double>(rounded) > high) rounded = std::nextafter(rounded, static_cast<T>(low));
  if (static_cast<double>(rounded) < low) rounded = std::nextafter(rounded, static_cast<T>(high));
  return rounded;
}

}  // namespace

Categorical::Categorical(std::span<const float> logits, std::span<const std::uint8_t> mask)
    : logits_(logits), mask_(mask) {
  require_mask_fits("Categorical", logits.size(), mask.size());
  bool any = false;
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    if (!allows(i)) continue;
    max_ = any ? std::max(max_, double{logits_[i]}) : double{logits_[i]};
    any = true;
  }
  require_allowed(any, "Categorical", logits.size());
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    if (allows(i)) total_ += portable::exp(logits_[i] - max_);
  }
}

std::int64_t Categorical::sample(RngStream& stream) const {
  const double target = stream.uniform() * total_;
  double cumulative = 0.0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    if (!allows(i)) continue;
    const double weight = portable::exp(logits_[i] - max_);
    cumulative += weight;
    if (target < cumulative) return static_cast<std::int64_t>(i);
    last = i;
  }
  return static_cast<std::int64_t>(last);
}

std::int64_t Categorical::mode() const {
  std::size_t best = logits_.size();
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    if (allows(i) && (best == logits_.size() || logits_[i] > logits_[best])) best = i;
  }
  return static_cast<std::int64_t>(best);
}

double Categorical::log_prob(std::int64_t category) const {
  const auto i = static_cast<std::size_t>(category);
  if (i >= logits_.size() || !allows(i)) return -kInfinity;
  return (logits_[i] - max_) - portable::log(total_);
}

double Categorical::entropy() const {
  double weighted = 0.0;  // sum of exp(l - max) (l - max)
  for (std::size_t i = 0; i < logits_.size(); ++i) {
    const double shifted = logits_[i] - max_;
    const double weight = allows(i) ? portable::exp(shifted) : 0.0;
    if (weight > 0.0) weighted += weight * shifted;
  }
  return portable::log(total_) - weighted / total_;
}

EpsilonGreedy::EpsilonGreedy(std::span<const float> values, double epsilon,
                             std::span<const std::uint8_t> mask)
    : size_(values.size()), mask_(mask), epsilon_(epsilon) {
  require_mask_fits("EpsilonGreedy", values.size(), mask.size());
  for (std::size_t i = 0; i < size_; ++i) {
    if (!allows(i)) continue;
    if (num_allowed_++ == 0 || values[i] > values[static_cast<std::size_t>(best_)]) {
      best_ = static_cast<std::int64_t>(i);
    }
  }
  require_allowed(num_allowed_ > 0, "EpsilonGreedy", size_);
}

std::int64_t EpsilonGreedy::sample(RngStream& stream) const {
  const bool explores = stream.uniform() < epsilon_;
  const auto choice = static_cast<std::int64_t>(stream.uniform() *
                                                static_cast<double>(num_allowed_));
  if (!explores) return best_;
  std::int64_t passed = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    if (allows(i) && passed++ == choice) return static_cast<std::int64_t>(i);
  }
  return best_;
}

double EpsilonGreedy::log_prob(std::int64_t category) const {
  const auto i = static_cast<std::size_t>(category);
  if (i >= size_ || !allows(i)) return -kInfinity;
  const double greedy = category == best_ ? 1.0 - epsilon_ : 0.0;
  return portable::log(greedy + epsilon_ / static_cast<double>(num_allowed_));
}

double EpsilonGreedy::entropy() const {
  const double other = epsilon_ / static_cast<double>(num_allowed_);
  const double best = 1.0 - epsilon_ + other;
  const double others = static_cast<double>(num_allowed_ - 1);
  return (best > 0.0 ? -best * portable::log(best) : 0.0) +
         (other > 0.0 ? -others * other * portable::log(other) : 0.0);
}

MultiDiscrete::MultiDiscrete(std::span<const float> logits,
                             std::span<const std::int64_t> categories,
                             std::span<const std::uint8_t> mask)
    : logits_(logits), categories_(categories), mask_(mask) {
  require_mask_fits("MultiDiscrete", logits.size(), mask.size());
  std::int64_t total = 0;
  for (const std::int64_t count : categories) total += count;
  if (static_cast<std::int64_t>(logits.size()) == total) return;
  refuse("MultiDiscrete", "the logits do not fit the categories",
         std::to_string(total) + " logits", std::to_string(logits.size()));
}

template <class Visit>
void MultiDiscrete::for_each_element(Visit visit) const {
  std::size_t offset = 0;
  for (std::size_t element = 0; element < categories_.size(); ++element) {
    const auto count = static_cast<std::size_t>(categories_[element]);
    visit(element, Categorical(logits_.subspan(offset, count),
                               mask_.empty() ? mask_ : mask_.subspan(offset, count)));
    offset += count;
  }
}

template <class T>
void MultiDiscrete::sample(RngStream& stream, std::span<T> action) const {
  for_each_element([&](std::size_t element, const Categorical& categorical) {
    action[element] = static_cast<T>(categorical.sample(stream));
  });
}

template <class T>
void MultiDiscrete::mode(std::span<T> action) const {
  for_each_element([&](std::size_t element, const Categorical& categorical) {
    action[element] = static_cast<T>(categorical.mode());
  });
}

template <class T>
double MultiDiscrete::log_prob(std::span<const T> action) const {
  double total = 0.0;
  for_each_element([&](std::size_t element, const Categorical& categorical) {
    total += categorical.log_prob(action[element]);
  });
  return total;
}

double MultiDiscrete::entropy() const {
  double total = 0.0;
  for_each_element([&](std::size_t, const Categorical& part) { total += part.entropy(); });
  return total;
}

DiagonalGaussian::DiagonalGaussian(std::span<const float> mean, std::span<const float> log_std)
    : mean_(mean), log_std_(log_std) {}

template <class T>
void DiagonalGaussian::sample(RngStream& stream, std::span<T> action) const {
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    action[i] = static_cast<T>(mean_[i] +
                               portable::exp(log_std_[i]) * portable::standard_normal(stream));
  }
}

template <class T>
void DiagonalGaussian::mode(std::span<T> action) const {
  for (std::size_t i = 0; i < mean_.size(); ++i) action[i] = static_cast<T>(mean_[i]);
}

template <class T>
double DiagonalGaussian::log_prob(std::span<const T> action) const {
  double total = 0.0;
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    total += normal_log_density(static_cast<double>(action[i]), mean_[i], log_std_[i]);
  }
  return total;
}

double DiagonalGaussian::entropy() const {
  double total = 0.0;
  for (const float log_std : log_std_) total += log_std + kHalfLogTwoPi + 0.5;
  return total;
}

SquashedGaussian::SquashedGaussian(std::span<const float> mean, std::span<const float> log_std,
                                   std::span<const double> low, std::span<const double> high)
    : mean_(mean), log_std_(log_std), low_(low), high_(high) {}

double SquashedGaussian::squash(std::size_t element, double u) const {
  const double half_width = 0.5 * (high_[element] - low_[element]);
  return low_[element] + half_width * (portable::tanh(u) + 1.0);
}

template <class T>
void SquashedGaussian::sample(RngStream& stream, std::span<T> action) const {
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    const double u = mean_[i] + portable::exp(log_std_[i]) * portable::standard_normal(stream);
    action[i] = round_within<T>(squash(i, u), low_[i], high_[i]);
  }
}

template <class T>
void SquashedGaussian::mode(std::span<T> action) const {
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    action[i] = round_within<T>(squash(i, mean_[i]), low_[i], high_[i]);
  }
}

template <class T>
double SquashedGaussian::log_prob(std::span<const T> action) const {
  double total = 0.0;
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    const double half_width = 0.5 * (high_[i] - low_[i]);
    const double y = (static_cast<double>(action[i]) - low_[i]) / half_width - 1.0;
    const double u = portable::atanh(std::clamp(y, -1.0 + kSquashMargin, 1.0 - kSquashMargin));
    total += normal_log_density(u, mean_[i], log_std_[i]) - log_tanh_slope(u) -
             portable::log(half_width);
  }
  return total;
}

double SquashedGaussian::entropy() const {
  constexpr double kStep = 1.0 / 16.0;
  constexpr int kSteps = 9 * 16;  // u within 9 standard deviations
  double total = 0.0;
  for (std::size_t i = 0; i < mean_.size(); ++i) {
    const double std = portable::exp(log_std_[i]);
    double slope = 0.0;  // mean of log(da/du) up to the scale
    for (int step = -kSteps; step <= kSteps; ++step) {
      const double z = step * kStep;
      const double density = portable::exp(-0.5 * z * z - kHalfLogTwoPi);
      slope += kStep * density * log_tanh_slope(mean_[i] + std * z);
    }
    total += log_std_[i] + kHalfLogTwoPi + 0.5 + slope +
             portable::log(0.5 * (high_[i] - low_[i]));
  }
  return total;
}

template void MultiDiscrete::sample(RngStream&, std::span<std::int32_t>) const;
template void MultiDiscrete::sample(RngStream&, std::span<std::int64_t>) const;
template void MultiDiscrete::mode(std::span<std::int32_t>) const;
template void MultiDiscrete::mode(std::span<std::int64_t>) const;
template double MultiDiscrete::log_prob(std::span<const std::int32_t>) const;
template double MultiDiscrete::log_prob(std::span<const std::int64_t>) const;
template void DiagonalGaussian::sample(RngStream&, std::span<float>) const;
template void DiagonalGaussian::sample(RngStream&, std::span<double>) const;
template void DiagonalGaussian::mode(std::span<float>) const;
template void DiagonalGaussian::mode(std::span<double>) const;
template double DiagonalGaussian::log_prob(std::span<const float>) const;
template double DiagonalGaussian::log_prob(std::span<const double>) const;
template void SquashedGaussian::sample(RngStream&, std::span<float>) const;
template void SquashedGaussian::sample(RngStream&, std::span<double>) const;
template void SquashedGaussian::mode(std::span<float>) const;
template void SquashedGaussian::mode(std::span<double>) const;
template double SquashedGaussian::log_prob(std::span<const float>) const;
template double SquashedGaussian::log_prob(std::span<const double>) const;

}  // namespace rl
