#include "rl/algorithms/returns.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "rl/core/error.h"

namespace rl {
namespace {

void require_length(const char* function, const char* span, std::size_t expected,
                    std::size_t got) {
  if (expected == got) return;
  throw Error({.where = function,
               .what = std::string(span) + " has the wrong length",
               .expected = std::to_string(expected),
               .got = std::to_string(got)});
}

template <class T>
double value_after(std::span<const T> values, std::size_t step, std::size_t num_steps,
                   FragmentEnd end) {
  const bool nothing_follows = step + 1 == num_steps && end == FragmentEnd::terminated;
  return nothing_follows ? 0.0 : static_cast<double>(values[step + 1]);
}

}  // namespace

template <class T>
void gae(std::span<const T> rewards, std::span<const T> values, FragmentEnd end, double discount,
         double lambda, std::span<T> advantages) {
  const std::size_t num_steps = rewards.size();
  require_length("gae", "values", num_steps + 1, values.size());
  require_length("gae", "advantages", num_steps, advantages.size());
  double advantage = 0.0;
  for (std::size_t t = num_steps; t-- > 0;) {
    const double delta = static_cast<double>(rewards[t]) +
                         discount * value_after(values, t, num_steps, end) -
                         static_cast<double>(values[t]);
    advantage = delta + discount * lambda * advantage;
    advantages[t] = static_cast<T>(advantage);
  }
}

template <class T>
void discounted_returns(std::span<const T> rewards, double final_value, FragmentEnd end,
                        double discount, std::span<T> returns) {
  require_length("discounted_returns", "returns", rewards.size(), returns.size());
  double following = end == FragmentEnd::terminated ? 0.0 : final_value;
  for (std::size_t t = rewards.size(); t-- > 0;) {
    following = static_cast<double>(rewards[t]) + discount * following;
    returns[t] = static_cast<T>(following);
  }
}

template <class T>
void n_step_returns(std::span<const T> rewards, std::span<const T> values, FragmentEnd end,
                    std::size_t n, double discount, std::span<T> returns) {
  const std::size_t num_steps = rewards.size();
  require_length("n_step_returns", "values", num_steps + 1, values.size());
  require_length("n_step_returns", "returns", num_steps, returns.size());
  if (n == 0) {
    throw Error({.where = "n_step_returns", .what = "n is out of range",
                 .expected = "at least 1", .got = "0"});
  }
  for (std::size_t t = 0; t < num_steps; ++t) {
    const std::size_t last = t + std::min(n, num_steps - t) - 1;
    double value = value_after(values, last, num_steps, end);
    for (std::size_t k = last + 1; k-- > t;) {
      value = static_cast<double>(rewards[k]) + discount * value;
    }
    returns[t] = static_cast<T>(value);
  }
}

void whiten(std::span<double> values, bool keep_mean) {
  if (values.size() < 2) return;
  const auto [least, most] = std::ranges::minmax(values);
  if (least == most) {  // to the bit
    if (!keep_mean) std::ranges::fill(values, 0.0);
    return;
  }
  const auto count = static_cast<double>(values.size());
  double mean = 0.0;
  for (const double value : values) mean += value / count;
  double variance = 0.0;
  for (const double value : values) variance += (value - mean) * (value - mean) / (count - 1.0);
  const double deviation = std::sqrt(variance + 1e-8);
  for (double& value : values) value = (value - mean) / deviation + (keep_mean ? mean : 0.0);
}

template <class T>
void vtrace(std::span<const T> rewards, std::span<const T> values, std::span<const T> log_ratios,
            FragmentEnd end, const VtraceOptions& options, std::span<T> targets,
            std::span<T> advantages) {
  const std::size_t num_steps = rewards.size();
  require_length("vtrace", "values", num_steps + 1, values.size());
  require_length("vtrace", "log_ratios", num_steps, log_ratios.size());
  require_length("vtrace", "targets", num_steps, targets.size());
  require_length("vtrace", "advantages", num_steps, advantages.size());
  double correction = 0.0;  // v_{t+1} - V_{t+1}
  for (std::size_t t = num_steps; t-- > 0;) {
    const double ratio = std::exp(static_cast<double>(log_ratios[t]));
    const double rho = std::min(options.rho_clip, ratio);
    const double c = options.lambda * std::min(options.c_clip, ratio);
    const auto reward = static_cast<double>(rewards[t]);
    const auto value = static_cast<double>(values[t]);
    const double next = value_after(values, t, num_steps, end);
    advantages[t] = static_cast<T>(rho * (reward + options.discount * (next + correction) - value));
    correction = rho * (reward + options.discount * next - value) +
                 options.discount * c * correction;
    targets[t] = static_cast<T>(value + correction);
  }
}

#define RL_INSTANTIATE(T)                                                                        \
  template void gae<T>(std::span<const T>, std::span<const T>, FragmentEnd, double, double,      \
                       std::span<T>);                                                            \
  template void discounted_returns<T>(std::span<const T>, double, FragmentEnd, double,           \
                                      std::span<T>);                                             \
  template void n_step_returns<T>(std::span<const T>, std::span<const T>, FragmentEnd,           \
                                  std::size_t, double, std::span<T>);                            \
  template void vtrace<T>(std::span<const T>, std::span<const T>, std::span<const T>,            \
                          FragmentEnd, const VtraceOptions&, std::span<T>, std::span<T>);
RL_INSTANTIATE(float)
RL_INSTANTIATE(double)
#undef RL_INSTANTIATE

}  // namespace rl
