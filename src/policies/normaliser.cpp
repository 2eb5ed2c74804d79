#include "rl/policies/normaliser.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "rl/core/error.h"

namespace rl {
namespace {

constexpr double kVarianceFloor = 1e-8;
constexpr double kMaxCount = 0x1p53;  // largest count a double holds exactly

[[noreturn]] void refuse(const char* where, const char* what, const std::string& expected,
                         const std::string& got) {
  throw Error({.where = where,
               .what = what,
               .expected = expected,
               .got = got,
               .remedy = "pass rows and states of the width this object was made with"});
}

void require(bool ok, const char* where, const char* what, const std::string& expected,
             const std::string& got) {
  if (!ok) refuse(where, what, expected, got);
}

template <class T>
bool usable(T value) {
  return std::fabs(static_cast<double>(value)) <= RunningMoments::kMaxMagnitude;
}

bool is_count(double value) {
  return value >= 0.0 && value <= kMaxCount && value == std::floor(value);
}

}  // namespace

RunningMoments::RunningMoments(std::size_t width) : mean_(width), m2_(width) {
  require(width > 0, "RunningMoments", "there is no column", "a width of 1 or more", "0");
}

void RunningMoments::update(std::span<const float> rows) { update_rows(rows); }
void RunningMoments::update(std::span<const double> rows) { update_rows(rows); }

template <class T>
void RunningMoments::update_rows(std::span<const T> rows) {
  if (rows.size() % width() != 0) {
    refuse("RunningMoments", "the rows are not whole", "a multiple of " + std::to_string(width()),
           std::to_string(rows.size()));
  }
  for (std::size_t start = 0; start < rows.size(); start += width()) {
    const auto row = rows.subspan(start, width());
    if (!std::all_of(row.begin(), row.end(), usable<T>)) {
      ++refused_;
      continue;
    }
    ++count_;
    for (std::size_t i = 0; i < width(); ++i) {
      const double delta = row[i] - mean_[i];
      mean_[i] += delta / static_cast<double>(count_);
      m2_[i] += delta * (row[i] - mean_[i]);
    }
  }
}

double RunningMoments::variance(std::size_t column) const {
  return count_ == 0 ? 1.0 : m2_[column] / static_cast<double>(count_);
}

std::vector<double> RunningMoments::variance() const {
  std::vector<double> result(width());
  for (std::size_t i = 0; i < width(); ++i) result[i] = variance(i);
  return result;
}

std::vector<double> RunningMoments::save() const {
  std::vector<double> state = {static_cast<double>(count_), static_cast<double>(refused_)};
  state.insert(state.end(), mean_.begin(), mean_.end());
  state.insert(state.end(), m2_.begin(), m2_.end());
  return state;
}

void RunningMoments::restore(std::span<const double> state) {
  require(state.size() == 2 + 2 * width(), "RunningMoments", "the state has another length",
          std::to_string(2 + 2 * width()) + " values", std::to_string(state.size()));
  const auto means = state.subspan(2, width());
  const auto m2s = state.subspan(2 + width());
  const bool plausible =
      is_count(state[0]) && is_count(state[1]) &&
      std::all_of(means.begin(), means.end(), usable<double>) &&
      std::all_of(m2s.begin(), m2s.end(), [](double v) { return v >= 0.0 && std::isfinite(v); });
  require(plausible, "RunningMoments", "the state is damaged",
          "whole counts, finite means and sums of squares of 0 or more", "other values");
  count_ = static_cast<std::uint64_t>(state[0]);
  refused_ = static_cast<std::uint64_t>(state[1]);
  std::copy(means.begin(), means.end(), mean_.begin());
  std::copy(m2s.begin(), m2s.end(), m2_.begin());
}

ReturnNormaliser::ReturnNormaliser(std::size_t num_environments, double discount, double clip)
    : discount_(discount), clip_(clip), returns_(num_environments) {
  require(discount >= 0.0 && discount <= 1.0, "ReturnNormaliser", "the discount is out of range",
          "0 to 1", std::to_string(discount));
  require(clip > 0.0, "ReturnNormaliser", "the clip is not positive", "above 0",
          std::to_string(clip));
}

void ReturnNormaliser::update(std::size_t environment, double reward, bool ended) {
  double& running = returns_.at(environment);
  const double next = discount_ * running + reward;
  moments_.update(std::span<const double>(&next, 1));
  if (usable(next)) running = next;
  if (ended) running = 0.0;
}

double ReturnNormaliser::scale(double reward) const {
  return std::clamp(reward / std::sqrt(moments_.variance(0) + kVarianceFloor), -clip_, clip_);
}

std::vector<double> ReturnNormaliser::save() const {
  std::vector<double> state = moments_.save();
  state.insert(state.end(), returns_.begin(), returns_.end());
  return state;
}

void ReturnNormaliser::restore(std::span<const double> state) {
  const std::size_t moments = moments_.save().size();
  require(state.size() == moments + returns_.size(), "ReturnNormaliser",
          "the state has another length",
          std::to_string(moments + returns_.size()) + " values", std::to_string(state.size()));
  const auto returns = state.subspan(moments);
  require(std::all_of(returns.begin(), returns.end(), usable<double>), "ReturnNormaliser",
          "the state is damaged", "finite returns", "other values");
  moments_.restore(state.first(moments));
  std::copy(returns.begin(), returns.end(), returns_.begin());
}

}  // namespace rl
