// A table that scans lists: slow, and short enough to be believed.
#pragma once

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "rl/core/rng.h"
#include "rl/replay/table.h"

namespace rl::replay::test {

using Place = std::pair<std::uint64_t, std::uint32_t>;  // number of the fragment, step

struct NaiveItem {
  std::size_t num_steps = 1;
  double priority = 1.0;
  std::uint32_t times_sampled = 0;
};

using NaiveItems = std::map<Place, NaiveItem>;

class NaiveSelector {
 public:
  NaiveSelector(Selector kind, double alpha, std::uint64_t seed, std::uint64_t stream)
      : kind_(kind), alpha_(alpha), random_(seed, RngRole::replay, stream) {}

  bool in_order() const { return kind_ == Selector::fifo || kind_ == Selector::lifo; }
  void insert(const Place& place) { order_.push_back(place); }
  void remove(const Place& place) {
    const auto found = std::find(order_.begin(), order_.end(), place);
    if (in_order()) {
      order_.erase(found);
    } else {
      *found = order_.back();
      order_.pop_back();
    }
  }
  // `nth` counts the draws of a batch that is drawn in order.
  std::pair<Place, double> draw(const NaiveItems& items, std::size_t nth) {
    if (kind_ == Selector::fifo) return {order_[nth], 1.0};
    if (kind_ == Selector::lifo) return {order_[order_.size() - 1 - nth], 1.0};
    const double share = 1.0 / static_cast<double>(order_.size());
    if (kind_ == Selector::uniform) return {order_[random_.below(order_.size())], share};
    double total = 0.0;
    for (const Place& place : order_) total += std::pow(items.at(place).priority, alpha_);
    if (total == 0.0) return {order_[random_.below(order_.size())], share};
    double target = random_.uniform() * total;
    for (const Place& place : order_) {
      const double weight = std::pow(items.at(place).priority, alpha_);
      if (target < weight) return {place, weight / total};
      target -= weight;
    }
    return {order_.back(), 0.0};
  }

 private:
  Selector kind_;
  double alpha_;
  RngStream random_;
  std::vector<Place> order_;
};

class NaiveTable {
 public:
  explicit NaiveTable(const TableOptions& options)
      : options_(options),
        sampler_(options.sampler, options.priority_exponent, options.seed, 0),
        remover_(options.remover, options.priority_exponent, options.seed, 1) {}

  void insert(std::uint64_t number, std::size_t num_steps, std::optional<double> priority) {
    const bool by_step = options_.unit == ItemUnit::step;
    const double new_priority = priority.value_or(highest_priority_);
    highest_priority_ = std::max(highest_priority_, new_priority);
    while (this->num_steps() + num_steps > options_.capacity_steps) {
      leave(remover_.draw(items_, 0).first);
    }
    for (std::uint32_t step = 0; step < (by_step ? num_steps : 1); ++step) {
      items_[{number, step}] = {by_step ? 1 : num_steps, new_priority, 0};
      sampler_.insert({number, step});
      remover_.insert({number, step});
    }
  }

  std::vector<std::pair<Place, double>> sample(std::size_t count) {
    std::vector<std::pair<Place, double>> draws;
    for (std::size_t i = 0; i < count; ++i) {
      draws.push_back(sampler_.draw(items_, i));
      NaiveItem& item = items_.at(draws.back().first);
      ++item.times_sampled;
      if (!sampler_.in_order() && item.times_sampled == options_.max_times_sampled) {
        leave(draws.back().first);
      }
    }
    if (!sampler_.in_order() || options_.max_times_sampled == 0) return draws;
    for (const auto& [place, probability] : draws) {
      if (items_.at(place).times_sampled == options_.max_times_sampled) leave(place);
    }
    return draws;
  }

  void update(const Place& place, double priority) {
    if (!items_.contains(place)) return;
    items_.at(place).priority = priority;
    highest_priority_ = std::max(highest_priority_, priority);
  }

  bool can_sample(std::size_t count) const {
    if (sampler_.in_order()) return items_.size() >= count;
    if (options_.max_times_sampled == 0) return !items_.empty();
    std::size_t left = 0;
    for (const auto& [place, item] : items_) {
      left += options_.max_times_sampled - item.times_sampled;
    }
    return !items_.empty() && left >= count;
  }

  std::size_t num_items() const { return items_.size(); }
  std::size_t num_steps() const {
    std::size_t sum = 0;
    for (const auto& [place, item] : items_) sum += item.num_steps;
    return sum;
  }
  std::uint64_t num_consumed() const { return num_consumed_; }
  std::uint64_t num_evicted_unsampled() const { return num_evicted_unsampled_; }

 private:
  void leave(Place place) {
    (items_.at(place).times_sampled > 0 ? num_consumed_ : num_evicted_unsampled_) += 1;
    sampler_.remove(place);
    remover_.remove(place);
    items_.erase(place);
  }

  TableOptions options_;
  NaiveSelector sampler_;
  NaiveSelector remover_;
  NaiveItems items_;
  double highest_priority_ = 1.0;
  std::uint64_t num_consumed_ = 0;
  std::uint64_t num_evicted_unsampled_ = 0;
};

}  // namespace rl::replay::test
