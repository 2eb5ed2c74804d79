#include <cmath>

#include "src/cuda/corral_cuda.h"
#include "src/cuda/softmax_sums.cuh"

namespace {

struct Row {
  float log_total;  // logsumexp of the row
  float entropy;
};

__device__ Row summarize(const float* logits, size_t num_actions) {
  const Sums sums = warp_sums(logits, num_actions, 1.0F);
  const float log_sum = logf(sums.total);
  return {sums.maximum + log_sum, log_sum - sums.weighted / sums.total};
}

__device__ bool is_action(int64_t action, size_t num_actions) {
  return action >= 0 && static_cast<size_t>(action) < num_actions;
}

__global__ void forward_kernel(size_t num_rows, size_t num_actions, const float* logits,
                               const int64_t* actions, float* log_probs, float* entropies) {
  const size_t n = warp_row();
  if (n >= num_rows) return;
  const float* x = logits + n * num_actions;
  const Row row = summarize(x, num_actions);
  if (threadIdx.x != 0) return;
  const bool valid = is_action(actions[n], num_actions);
  log_probs[n] = valid ? x[actions[n]] - row.log_total : NAN;
  entropies[n] = row.entropy;
}

__global__ void backward_kernel(size_t num_rows, size_t num_actions, const float* logits,
                                const int64_t* actions, const float* log_prob_gradients,
                                const float* entropy_gradients, float* logit_gradients) {
  const size_t n = warp_row();
  if (n >= num_rows) return;
  const float* x = logits + n * num_actions;
  const Row row = summarize(x, num_actions);
  const bool valid = is_action(actions[n], num_actions);
  for (size_t j = threadIdx.x; j < num_actions; j += kWarpSize) {
    const bool masked = x[j] == -INFINITY;
    const float log_p = x[j] - row.log_total;
    const float p = expf(log_p);
    const float chosen = static_cast<size_t>(actions[n]) == j ? 1.0F : 0.0F;
    const float gradient =
        log_prob_gradients[n] * (chosen - p) - entropy_gradients[n] * p * (log_p + row.entropy);
    logit_gradients[n * num_actions + j] = !valid ? NAN : masked ? 0.0F : gradient;
  }
}

}  // namespace

int corral_cuda_categorical(size_t num_rows, size_t num_actions, const float* logits,
                            const int64_t* actions, float* log_probs, float* entropies,
                            void* stream) {
  forward_kernel<<<grid_of_rows(num_rows), block_of_warps(), 0, static_cast<cudaStream_t>(stream)>>>(
      num_rows, num_actions, logits, actions, log_probs, entropies);
  return cudaGetLastError();
}

int corral_cuda_categorical_backward(size_t num_rows, size_t num_actions, const float* logits,
                                     const int64_t* actions, const float* log_prob_gradients,
                                     const float* entropy_gradients, float* logit_gradients,
                                     void* stream) {
  backward_kernel<<<grid_of_rows(num_rows), block_of_warps(), 0, static_cast<cudaStream_t>(stream)>>>(
      num_rows, num_actions, logits, actions, log_prob_gradients, entropy_gradients,
      logit_gradients);
  return cudaGetLastError();
}
