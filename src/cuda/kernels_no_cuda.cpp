// The same functions for a build without CUDA: every kernel says so.
#include "rl/core/error.h"
#include "rl/cuda/kernels.h"

namespace rl::cuda {
namespace {

[[noreturn]] void refuse(const char* kernel) {
  throw Error({.where = std::string("cuda::") + kernel,
               .what = "this build has no CUDA kernels",
               .remedy = "configure with -DRL_WITH_CUDA=ON on a machine with a CUDA toolkit"});
}

}  // namespace

bool has_kernels() {
  return false;
}

void gae(const GaeBatch&, double, double, float*, Stream) {
  refuse("gae");
}

void categorical(const CategoricalBatch&, float*, float*, Stream) {
  refuse("categorical");
}

void categorical_backward(const CategoricalBatch&, const float*, const float*, float*, Stream) {
  refuse("categorical_backward");
}

void add_token_scores(const VocabularyChunk&, SoftmaxState*, Stream) {
  refuse("add_token_scores");
}

void finish_token_scores(std::size_t, const SoftmaxState*, float*, float*, Stream) {
  refuse("finish_token_scores");
}

void token_scores_backward(const VocabularyChunk&, const SoftmaxState*, const float*, float*,
                           Stream) {
  refuse("token_scores_backward");
}

}  // namespace rl::cuda
