// libcorral_cuda_graphs: the one library of ours that links LibTorch's CUDA half. No program links
// it; cuda_step_graphs.cpp opens it once that half is loaded.
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/Event.h>
#include <c10/core/StreamGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <map>
#include <mutex>

#include "src/models/language/cuda_step_graphs.h"

namespace rl::lm {
namespace {

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
  CudaStepGraph(c10::DeviceIndex device, c10::MempoolId_t pool)
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
    graph_.capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
    try {
      step();
    } catch (...) {
      end_failed_capture();
      throw;
    }
    graph_.capture_end();
  }

  // The stream must leave the capture; that this fails too is of no interest.
  void end_failed_capture() noexcept {
    try {
      graph_.capture_end();
    } catch (...) {
    }
  }

  c10::DeviceIndex device_;
  c10::MempoolId_t pool_;
  at::cuda::CUDAGraph graph_;
};

class CudaStepGraphs final : public StepGraphs {
 public:
  explicit CudaStepGraphs(c10::DeviceIndex device) : device_(device) {}
  std::unique_ptr<StepGraph> make() override {
    return std::make_unique<CudaStepGraph>(device_, pool_);
  }

 private:
  c10::DeviceIndex device_;
  c10::MempoolId_t pool_ = at::cuda::graph_pool_handle();
};

}  // namespace
}  // namespace rl::lm

rl::lm::StepGraphs* corral_new_cuda_step_graphs(c10::DeviceIndex device) {
  return new rl::lm::CudaStepGraphs(device);
}
