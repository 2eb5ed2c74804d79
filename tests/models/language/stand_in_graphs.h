// Graphs without a GPU: a graph keeps the step and does it again.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>

#include "src/models/language/step_graph.h"

namespace rl::testing {

struct GraphCounts {
  int made = 0;
  int alive = 0;
  int replays = 0;
};

class StandInGraph final : public lm::StepGraph {
 public:
  explicit StandInGraph(std::shared_ptr<GraphCounts> counts) : counts_(std::move(counts)) {
    ++counts_->made;
    ++counts_->alive;
  }
  ~StandInGraph() override { --counts_->alive; }

  void capture(const std::function<void()>& step) override { step_ = step; }
  void replay() override {
    ++counts_->replays;
    step_();
  }

 private:
  std::shared_ptr<GraphCounts> counts_;
  std::function<void()> step_;
};

class StandInGraphs final : public lm::StepGraphs {
 public:
  explicit StandInGraphs(std::shared_ptr<GraphCounts> counts) : counts_(std::move(counts)) {}
  std::unique_ptr<lm::StepGraph> make() override { return std::make_unique<StandInGraph>(counts_); }

 private:
  std::shared_ptr<GraphCounts> counts_;
};

// Graphs that cannot be made.
class NoGraphs final : public lm::StepGraphs {
 public:
  explicit NoGraphs(std::shared_ptr<GraphCounts> counts) : counts_(std::move(counts)) {}
  std::unique_ptr<lm::StepGraph> make() override {
    ++counts_->made;
    throw std::runtime_error("no room for a graph");
  }

 private:
  std::shared_ptr<GraphCounts> counts_;
};

}  // namespace rl::testing
