#include <cuda_runtime_api.h>

#include "src/cuda/corral_cuda.h"

namespace {

constexpr unsigned kThreadsPerBlock = 128;

// Neighbouring threads own neighbouring environments, so each row is read in whole cache lines.
__global__ void gae_kernel(size_t num_steps, size_t num_environments, const float* rewards,
                           const float* values, const float* next_values, const uint8_t* terminated,
                           const uint8_t* truncated, double discount, double lambda,
                           float* advantages) {
  const size_t environment = size_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (environment >= num_environments) return;
  double advantage = 0.0;
  for (size_t t = num_steps; t-- > 0;) {
    const size_t i = t * num_environments + environment;
    const double next_value = terminated[i] ? 0.0 : next_values[i];
    const double delta = rewards[i] + discount * next_value - values[i];
    const double following = terminated[i] || truncated[i] ? 0.0 : advantage;
    advantage = delta + discount * lambda * following;
    advantages[i] = static_cast<float>(advantage);
  }
}

}  // namespace

const char* corral_cuda_error_string(int error) {
  return cudaGetErrorString(static_cast<cudaError_t>(error));
}

int corral_cuda_gae(size_t num_steps, size_t num_environments, const float* rewards,
                    const float* values, const float* next_values, const uint8_t* terminated,
                    const uint8_t* truncated, double discount, double lambda, float* advantages,
                    void* stream) {
  const auto num_blocks =
      static_cast<unsigned>((num_environments + kThreadsPerBlock - 1) / kThreadsPerBlock);
  gae_kernel<<<num_blocks, kThreadsPerBlock, 0, static_cast<cudaStream_t>(stream)>>>(
      num_steps, num_environments, rewards, values, next_values, terminated, truncated, discount,
      lambda, advantages);
  return cudaGetLastError();
}
