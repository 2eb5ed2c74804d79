// libcorral_cuda_graphs: the one library of ours that links LibTorch's CUDA half. No program links
// it; cuda_step_graphs.cpp opens it once that half is loaded.
#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAStream.h>

#include <map>
#include <mutex>

#include "src/models/language/cuda_step_graphs.h"

namespace rl::lm {
namespace {

using PoolId = decltype(at::cuda::graph_pool_handle());

// One for all captures of a device, as in PyTorch: cuBLAS keeps a workspace for every stream it has
// seen, and LibTorch's pool gives out the next one every time.
c10::Stream capture_stream(c10::DeviceIndex device) {
  static std::map<c10::DeviceIndex, c10::Stream> streams;
  const auto found = streams.find(device);
  if (found != streams.end()) return found->second;
  return streams.emplace(device, c10::cuda::getStreamFromPool(false, device)).first->second;
}

void wait(const c10::Stream& waiting, const c10::Stream& before) {
  c10::Event event(c10::DeviceType::CUDA);
  event.record(before);
  event.block(waiting);
}

class CudaStepGraph final : public StepGraph {
 public:
  CudaStepGraph(c10::DeviceIndex device, PoolId pool)
      : device_(device), pool_(pool) {}

  void capture(const std::function<void()>& step) override {
    // One capture at a time, of all threads: they share a stream.
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    const c10::Stream current = c10::cuda::getCurrentCUDAStream(device_);
    const c10::Stream side = capture_stream(device_);
    wait(side, current);
    {
      const c10::StreamGuard guard(side);
      record(step);
    }
    wait(current, side);
  }

  void replay() override { graph_.replay(); }

 private:
  // Thread-local: other threads may allocate and wait meanwhile. What they may not is draw from
  // LibTorch's CUDA generator; nothing of ours does.
  void record(const std::function<void()>& step) {
    try {
      graph_.capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
      step();
      graph_.capture_end();
    } catch (...) {
      abandon();
      throw;
    }
  }

  // The stream leaves the capture. When that fails too, LibTorch still takes the capture to go on
  // and would free no memory of any thread from then on, so its allocator is told.
  void abandon() noexcept {
    namespace allocator = c10::cuda::CUDACachingAllocator;
    try {
      graph_.capture_end();
      return;
    } catch (...) {
    }
    try {
      allocator::endAllocateToPool(device_, pool_);
      allocator::releasePool(device_, pool_);
    } catch (...) {
    }
  }

  c10::DeviceIndex device_;
  PoolId pool_;
  at::cuda::CUDAGraph graph_;
};

class CudaStepGraphs final : public StepGraphs {
 public:
  explicit CudaStepGraphs(c10::DeviceIndex device) : device_(device) {}

  std::unique_ptr<StepGraph> make() override {
    if (keeper_ == nullptr) keeper_ = pool_keeper();
    return new_graph();
  }

 private:
  std::unique_ptr<StepGraph> new_graph() const {
    return std::make_unique<CudaStepGraph>(device_, pool_);
  }

  // LibTorch refuses a pool whose last graph is gone, which happens whenever all are made anew.
  std::unique_ptr<StepGraph> pool_keeper() const {
    const auto touch = [device = c10::Device(c10::kCUDA, device_)] {
      at::zeros({1}, at::TensorOptions().device(device));
    };
    touch();
    std::unique_ptr<StepGraph> keeper = new_graph();
    keeper->capture(touch);
    return keeper;
  }

  c10::DeviceIndex device_;
  PoolId pool_ = at::cuda::graph_pool_handle();
  std::unique_ptr<StepGraph> keeper_{};  // never replayed
};

}  // namespace
}  // namespace rl::lm

rl::lm::StepGraphs* corral_new_cuda_step_graphs(c10::DeviceIndex device) {
  return new rl::lm::CudaStepGraphs(device);
}
