// Kernels of the learner's inner loop, on device memory, each with its reference on the CPU.
//
// Shapes are in row-major order. Pointers named by the structs and parameters are device memory of
// the current device for the kernels, host memory for the references; the caller owns all of it and
// keeps it alive until the stream has passed the call. Inputs and outputs do not overlap.
// Threads: any; kernels on one stream run in the order of the calls. A kernel returns as soon as it
// is queued. Results do not depend on the GPU's schedule: the same inputs give the same bits.
// Errors: Error for an empty shape; Error naming CUDA's reason when a kernel cannot be queued;
// Error from every kernel in a build without CUDA. Outputs are undefined after an Error.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rl::cuda {

using Stream = void*;  // a cudaStream_t; nullptr is the default stream

// True when this build holds the kernels (RL_WITH_CUDA).
bool has_kernels();

// T steps of B environments that ran side by side. Row t holds step t of every environment, an
// episode may end anywhere, and `next_values` is the value of the observation the step led to,
// taken before any reset.
struct GaeBatch {
  std::size_t num_steps = 0;                 // T
  std::size_t num_environments = 0;          // B
  const float* rewards = nullptr;            // [T, B]
  const float* values = nullptr;             // [T, B]
  const float* next_values = nullptr;        // [T, B]
  const std::uint8_t* terminated = nullptr;  // [T, B], 0 or 1: nothing follows, next value counts 0
  const std::uint8_t* truncated = nullptr;   // [T, B], 0 or 1: cut, next value counts as given
};

// Generalised advantage estimation (Schulman et al. 2016, equations 16 and 11), backwards in t:
//   delta_t = r_t + discount (1 - terminated_t) V'_t - V_t
//   A_t = delta_t + discount lambda (1 - terminated_t)(1 - truncated_t) A_{t+1},  A_T = 0.
// Sums are kept in double and rounded once. One thread per environment.
void gae(const GaeBatch& batch, double discount, double lambda, float* advantages /* [T, B] */,
         Stream stream);
void gae_reference(const GaeBatch& batch, double discount, double lambda,
                   float* advantages /* [T, B] */);

// N categorical distributions over A actions. A logit of minus infinity is a masked action: its
// probability is 0 and it adds nothing to the entropy; each row needs one finite logit.
struct CategoricalBatch {
  std::size_t num_rows = 0;               // N
  std::size_t num_actions = 0;            // A
  const float* logits = nullptr;          // [N, A]
  const std::int64_t* actions = nullptr;  // [N], in 0 .. A-1; another value gives NaN in its row
};

// log_prob_n = x_{n,a} - logsumexp(x_n),  entropy_n = -sum_j p_j log p_j,  p = softmax(x_n),
// in one pass over the logits. One warp per row.
void categorical(const CategoricalBatch& batch, float* log_probs /* [N] */,
                 float* entropies /* [N] */, Stream stream);
void categorical_reference(const CategoricalBatch& batch, float* log_probs /* [N] */,
                           float* entropies /* [N] */);

// The gradient of sum_n (g_n log_prob_n + h_n entropy_n) with respect to the logits:
//   dx_{n,j} = g_n (1[j = a_n] - p_j) - h_n p_j (log p_j + entropy_n);  0 for a masked action.
// Recomputes the distribution, so nothing is kept from the forward pass.
void categorical_backward(const CategoricalBatch& batch, const float* log_prob_gradients /* [N] */,
                          const float* entropy_gradients /* [N] */,
                          float* logit_gradients /* [N, A] */, Stream stream);
void categorical_backward_reference(const CategoricalBatch& batch,
                                    const float* log_prob_gradients /* [N] */,
                                    const float* entropy_gradients /* [N] */,
                                    float* logit_gradients /* [N, A] */);

// Log-probs and entropies of N tokens whose logits come in chunks of the vocabulary, so that the
// logits of all tokens over all of it are never in memory together. With z = logit *
// inverse_temperature: start the states as kEmptySoftmax, add every chunk once, then finish.
struct SoftmaxState {
  float maximum;   // m, of the z so far
  float total;     // sum exp(z - m)
  float weighted;  // sum exp(z - m) (z - m)
  float token;     // z of the row's token
};
inline constexpr SoftmaxState kEmptySoftmax{-__builtin_inff(), 0.0F, 0.0F, -__builtin_inff()};

struct VocabularyChunk {
  std::size_t num_rows = 0;              // N
  std::size_t num_columns = 0;           // C
  std::size_t row_stride = 0;            // elements from row to row, at least C
  std::int64_t first_id = 0;             // column c is token first_id + c
  float inverse_temperature = 1.0F;
  const float* logits = nullptr;         // [N, C]; minus infinity: excluded
  const std::int64_t* tokens = nullptr;  // [N]; a token of no chunk gives minus infinity
};

// One warp per row.
void add_token_scores(const VocabularyChunk& chunk, SoftmaxState* states /* [N] */, Stream stream);
void add_token_scores_reference(const VocabularyChunk& chunk, SoftmaxState* states /* [N] */);

// log_prob_n = z_token - m - log(total),  entropy_n = log(total) - weighted / total.
void finish_token_scores(std::size_t num_rows, const SoftmaxState* states /* [N] */,
                         float* log_probs /* [N] */, float* entropies /* [N] */, Stream stream);
void finish_token_scores_reference(std::size_t num_rows, const SoftmaxState* states /* [N] */,
                                   float* log_probs /* [N] */, float* entropies /* [N] */);

// The gradient of sum_n g_n log_prob_n with respect to a chunk's logits, from the states of all
// chunks: g_n (1[first_id + c = token_n] - p_{n,c}) inverse_temperature; 0 for a row with g_n = 0.
void token_scores_backward(const VocabularyChunk& chunk, const SoftmaxState* states /* [N] */,
                           const float* log_prob_gradients /* [N] */,
                           float* logit_gradients /* [N, C], rows next to each other */,
                           Stream stream);
void token_scores_backward_reference(const VocabularyChunk& chunk,
                                     const SoftmaxState* states /* [N] */,
                                     const float* log_prob_gradients /* [N] */,
                                     float* logit_gradients /* [N, C], rows next to each other */);

}  // namespace rl::cuda
