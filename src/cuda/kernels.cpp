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

// The states travel as four floats a row.
static_assert(sizeof(SoftmaxState) == 4 * sizeof(float));

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

void add_token_scores(const VocabularyChunk& chunk, SoftmaxState* states, Stream stream) {
  require_not_empty("add_token_scores", chunk.num_rows, chunk.num_columns);
  require_queued("add_token_scores",
                 corral_cuda_add_token_scores(chunk.num_rows, chunk.num_columns, chunk.row_stride,
                                              chunk.first_id, chunk.inverse_temperature,
                                              chunk.logits, chunk.tokens, &states->maximum,
                                              stream));
}

void finish_token_scores(std::size_t num_rows, const SoftmaxState* states, float* log_probs,
                         float* entropies, Stream stream) {
  require_not_empty("finish_token_scores", num_rows, 1);
  require_queued("finish_token_scores",
                 corral_cuda_finish_token_scores(num_rows, &states->maximum, log_probs, entropies,
                                                 stream));
}

void token_scores_backward(const VocabularyChunk& chunk, const SoftmaxState* states,
                           const float* log_prob_gradients, float* logit_gradients,
                           Stream stream) {
  require_not_empty("token_scores_backward", chunk.num_rows, chunk.num_columns);
  require_queued("token_scores_backward",
                 corral_cuda_token_scores_backward(
                     chunk.num_rows, chunk.num_columns, chunk.row_stride, chunk.first_id,
                     chunk.inverse_temperature, chunk.logits, chunk.tokens, &states->maximum,
                     log_prob_gradients, logit_gradients, stream));
}

}  // namespace rl::cuda
