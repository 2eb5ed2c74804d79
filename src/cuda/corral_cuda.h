// The C functions of libcorral_cuda_kernels: raw device pointers and a stream, so that neither
// LibTorch's headers go through nvcc nor CUDA's through the rest of the library. Each queues one
// kernel and returns CUDA's error code, 0 for success. Shapes and meaning: rl/cuda/kernels.h.
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CORRAL_CUDA_EXPORT __attribute__((visibility("default")))

extern "C" {

CORRAL_CUDA_EXPORT const char* corral_cuda_error_string(int error);

CORRAL_CUDA_EXPORT int corral_cuda_gae(size_t num_steps, size_t num_environments,
                                       const float* rewards, const float* values,
                                       const float* next_values, const uint8_t* terminated,
                                       const uint8_t* truncated, double discount, double lambda,
                                       float* advantages, void* stream);

CORRAL_CUDA_EXPORT int corral_cuda_categorical(size_t num_rows, size_t num_actions,
                                               const float* logits, const int64_t* actions,
                                               float* log_probs, float* entropies, void* stream);

CORRAL_CUDA_EXPORT int corral_cuda_categorical_backward(size_t num_rows, size_t num_actions,
                                                        const float* logits, const int64_t* actions,
                                                        const float* log_prob_gradients,
                                                        const float* entropy_gradients,
                                                        float* logit_gradients, void* stream);

CORRAL_CUDA_EXPORT int corral_cuda_add_token_scores(size_t num_rows, size_t num_columns,
                                                    size_t row_stride, int64_t first_id,
                                                    float inverse_temperature,
                                                    const float* logits, const int64_t* tokens,
                                                    float* states, void* stream);

CORRAL_CUDA_EXPORT int corral_cuda_finish_token_scores(size_t num_rows, const float* states,
                                                       float* log_probs, float* entropies,
                                                       void* stream);

CORRAL_CUDA_EXPORT int corral_cuda_token_scores_backward(
    size_t num_rows, size_t num_columns, size_t row_stride, int64_t first_id,
    float inverse_temperature, const float* logits, const int64_t* tokens, const float* states,
    const float* log_prob_gradients, float* logit_gradients, void* stream);

}  // extern "C"
