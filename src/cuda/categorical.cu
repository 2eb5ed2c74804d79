#include <cuda_runtime_api.h>

#include <cmath>

#include "src/cuda/corral_cuda.h"

namespace {

constexpr unsigned kWarpSize = 32;
constexpr unsigned kRowsPerBlock = 4;
constexpr unsigned kAllLanes = 0xffffffffU;

// Softmax sums over some of a row's logits x, relative to their maximum m.
struct Sums {
  float maximum = -INFINITY;  // m
  float total = 0.0F;         // sum exp(x - m)
  float weighted = 0.0F;      // sum exp(x - m) (x - m)
};

// Moves the sums to a larger maximum: exp(x - m') = exp(x - m) exp(m - m').
__device__ Sums rebase(const Sums& sums, float maximum) {
  if (sums.total == 0.0F) return {maximum, 0.0F, 0.0F};
  const float shift = sums.maximum - maximum;
  const float scale = expf(shift);
  return {maximum, sums.total * scale, (sums.weighted + sums.total * shift) * scale};
}

__device__ Sums merge(const Sums& left, const Sums& right) {
  const float maximum = fmaxf(left.maximum, right.maximum);
  const Sums a = rebase(left, maximum);
  const Sums b = rebase(right, maximum);
  return {maximum, a.total + b.total, a.weighted + b.weighted};
}

struct Row {
  float log_total;  // logsumexp of the row
  float entropy;
};

// The 32 lanes of a warp each take every 32nd logit, then merge in one fixed tree.
__device__ Row summarize(const float* logits, size_t num_actions) {
  Sums sums;
  for (size_t j = threadIdx.x; j < num_actions; j += kWarpSize) {
    if (logits[j] == -INFINITY) continue;
    sums = merge(sums, {logits[j], 1.0F, 0.0F});
  }
  for (unsigned offset = kWarpSize / 2; offset > 0; offset /= 2) {
    sums = merge(sums, {__shfl_xor_sync(kAllLanes, sums.maximum, offset),
                        __shfl_xor_sync(kAllLanes, sums.total, offset),
                        __shfl_xor_sync(kAllLanes, sums.weighted, offset)});
  }
  const float log_sum = logf(sums.total);
  return {sums.maximum + log_sum, log_sum - sums.weighted / sums.total};
}

__device__ bool is_action(int64_t action, size_t num_actions) {
  return action >= 0 && static_cast<size_t>(action) < num_actions;
}

__global__ void forward_kernel(size_t num_rows, size_t num_actions, const float* logits,
                               const int64_t* actions, float* log_probs, float* entropies) {
  const size_t n = size_t{blockIdx.x} * kRowsPerBlock + threadIdx.y;
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
  const size_t n = size_t{blockIdx.x} * kRowsPerBlock + threadIdx.y;
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

dim3 grid(size_t num_rows) {
  return dim3(static_cast<unsigned>((num_rows + kRowsPerBlock - 1) / kRowsPerBlock));
}

dim3 block() {
  return dim3(kWarpSize, kRowsPerBlock);
}

}  // namespace

int corral_cuda_categorical(size_t num_rows, size_t num_actions, const float* logits,
                            const int64_t* actions, float* log_probs, float* entropies,
                            void* stream) {
  forward_kernel<<<grid(num_rows), block(), 0, static_cast<cudaStream_t>(stream)>>>(
      num_rows, num_actions, logits, actions, log_probs, entropies);
  return cudaGetLastError();
}

int corral_cuda_categorical_backward(size_t num_rows, size_t num_actions, const float* logits,
                                     const int64_t* actions, const float* log_prob_gradients,
                                     const float* entropy_gradients, float* logit_gradients,
                                     void* stream) {
  backward_kernel<<<grid(num_rows), block(), 0, static_cast<cudaStream_t>(stream)>>>(
      num_rows, num_actions, logits, actions, log_prob_gradients, entropy_gradients,
      logit_gradients);
  return cudaGetLastError();
}
