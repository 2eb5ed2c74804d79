#include <cmath>

#include "src/cuda/corral_cuda.h"
#include "src/cuda/softmax_sums.cuh"

namespace {

// SoftmaxState: maximum, total, weighted, token.
__global__ void add_kernel(size_t num_rows, size_t num_columns, size_t row_stride,
                           int64_t first_id, float inverse_temperature, const float* logits,
                           const int64_t* tokens, float4* states) {
  const size_t n = warp_row();
  if (n >= num_rows) return;
  const float* x = logits + n * row_stride;
  const Sums chunk = warp_sums(x, num_columns, inverse_temperature);
  if (threadIdx.x != 0) return;
  float4 state = states[n];
  const Sums sums = merge({state.x, state.y, state.z}, chunk);
  const int64_t column = tokens[n] - first_id;
  if (column >= 0 && static_cast<size_t>(column) < num_columns) {
    state.w = x[column] * inverse_temperature;
  }
  states[n] = make_float4(sums.maximum, sums.total, sums.weighted, state.w);
}

__global__ void finish_kernel(size_t num_rows, const float4* states, float* log_probs,
                              float* entropies) {
  const size_t n = size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (n >= num_rows) return;
  const float log_total = logf(states[n].y);
  log_probs[n] = states[n].w - states[n].x - log_total;
  entropies[n] = log_total - states[n].z / states[n].y;
}

__global__ void backward_kernel(size_t num_rows, size_t num_columns, size_t row_stride,
                                int64_t first_id, float inverse_temperature, const float* logits,
                                const int64_t* tokens, const float4* states,
                                const float* log_prob_gradients, float* logit_gradients) {
  const size_t n = warp_row();
  if (n >= num_rows) return;
  const float g = log_prob_gradients[n] * inverse_temperature;
  const int64_t column = tokens[n] - first_id;
  for (size_t c = threadIdx.x; c < num_columns; c += kWarpSize) {
    const float z = logits[n * row_stride + c] * inverse_temperature;
    const float p = expf(z - states[n].x) / states[n].y;
    const float chosen = static_cast<int64_t>(c) == column ? 1.0F : 0.0F;
    logit_gradients[n * num_columns + c] = g == 0.0F ? 0.0F : g * (chosen - p);
  }
}

}  // namespace

int corral_cuda_add_token_scores(size_t num_rows, size_t num_columns, size_t row_stride,
                                 int64_t first_id, float inverse_temperature, const float* logits,
                                 const int64_t* tokens, float* states, void* stream) {
  add_kernel<<<grid_of_rows(num_rows), block_of_warps(), 0, static_cast<cudaStream_t>(stream)>>>(
      num_rows, num_columns, row_stride, first_id, inverse_temperature, logits, tokens,
      reinterpret_cast<float4*>(states));
  return cudaGetLastError();
}

int corral_cuda_finish_token_scores(size_t num_rows, const float* states, float* log_probs,
                                    float* entropies, void* stream) {
  constexpr unsigned kThreads = 128;
  const unsigned blocks = static_cast<unsigned>((num_rows + kThreads - 1) / kThreads);
  finish_kernel<<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(
      num_rows, reinterpret_cast<const float4*>(states), log_probs, entropies);
  return cudaGetLastError();
}

int corral_cuda_token_scores_backward(size_t num_rows, size_t num_columns, size_t row_stride,
                                      int64_t first_id, float inverse_temperature,
                                      const float* logits, const int64_t* tokens,
                                      const float* states, const float* log_prob_gradients,
                                      float* logit_gradients, void* stream) {
  backward_kernel<<<grid_of_rows(num_rows), block_of_warps(), 0,
                    static_cast<cudaStream_t>(stream)>>>(
      num_rows, num_columns, row_stride, first_id, inverse_temperature, logits, tokens,
      reinterpret_cast<const float4*>(states), log_prob_gradients, logit_gradients);
  return cudaGetLastError();
}
