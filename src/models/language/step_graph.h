// One step's work on a device, recorded once and launched as a whole from then on.
#pragma once

#include <functional>
#include <memory>

namespace rl::lm {

// Threads: one thread at a time.
class StepGraph {
 public:
  virtual ~StepGraph() = default;
  // Records what `step` would do, without a result that anyone sees. `step` has run before (its
  // libraries have what they allocate at first use), and it waits for nothing, reads no value back
  // and takes memory from LibTorch alone. Once per graph; throws what `step` or LibTorch throws,
  // the graph is of no use then.
  virtual void capture(const std::function<void()>& step) = 0;
  // Does it again with what its tensors hold now, in the order of the current stream.
  virtual void replay() = 0;
};

// Makes graphs that share one pool of memory, hence are replayed one after another: what one
// leaves in the pool the next may overwrite. Outlives its graphs.
class StepGraphs {
 public:
  virtual ~StepGraphs() = default;
  virtual std::unique_ptr<StepGraph> make() = 0;
};

}  // namespace rl::lm
