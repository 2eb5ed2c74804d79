#include "rl/cuda/kernels.h"

#include <string>

#include "rl/core/error.h"
#include "src/cuda/corral_cuda.h"

namespace rl::cuda {
namespace {

void require_not_empty(const char* kernel, std::size_t rows, std::size_t columns) {
  if (rows != 0 && columns != 0) return;
  throw Error({.where = std::string("cuda::") + kernel,
               .what = "the batch is empty",
               .expected = "at least one row and one column",
               .got = std::to_string(rows) + " x " + std::to_string(columns),
               .remedy = "skip the call when there is nothing to compute"});
}

void require_queued(const char* kernel, int error) {
  if (error == 0) return;
  throw Error({.where = std::string("cuda::") + kernel,
               .what = "the kernel could not be queued",
               .got = std::string("CUDA error ") + std::to_string(error) + ", " +
                      corral_cuda_error_string(error),
               .remedy = "check the GPU with nvidia-smi, or use --device cpu"});
}

}  // namespace

bool has_kernels() {
  return true;
}

void gae(const GaeBatch& batch, double discount, double lambda, float* advantages, Stream stream) {
  require_not_empty("gae", batch.num_steps, batch.num_environments);
  require_queued("gae", corral_cuda_gae(batch.num_steps, batch.num_environments, batch.rewards,
                                        batch.values, batch.next_values, batch.terminated,
                                        batch.truncated, discount, lambda, advantages, stream));
}

void categorical(const CategoricalBatch& batch, float* log_probs, float* entropies, Stream stream) {
  require_not_empty("categorical", batch.num_rows, batch.num_actions);
  require_queued("categorical",
                 corral_cuda_categorical(batch.num_rows, batch.num_actions, batch.logits,
                                         batch.actions, log_probs, entropies, stream));
}

void categorical_backward(const CategoricalBatch& batch, const float* log_prob_gradients,
                          const float* entropy_gradients, float* logit_gradients, Stream stream) {
  require_not_empty("categorical_backward", batch.num_rows, batch.num_actions);
  require_queued("categorical_backward",
                 corral_cuda_categorical_backward(batch.num_rows, batch.num_actions, batch.logits,
                                                  batch.actions, log_prob_gradients,
                                                  entropy_gradients, logit_gradients, stream));
}

}  // namespace rl::cuda
