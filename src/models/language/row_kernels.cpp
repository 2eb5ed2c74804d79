#include "src/models/language/row_kernels.h"

#include <bit>
#include <cmath>

// Compiled without contraction and with sums in lanes that are written out, so that how the compiler
// vectorises changes no bit.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define RL_FOR_EVERY_CPU \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define RL_FOR_EVERY_CPU
#endif

namespace rl::lm {
namespace {

constexpr std::int64_t kLanes = 16;  // partial sums, so that a sum can be vectorised

// e^x to about two units in the last place, without a branch (Cephes' polynomial).
inline __attribute__((always_inline)) float exponential(float x) {
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  x = x < -87.0F ? -87.0F : (x > 88.0F ? 88.0F : x);
  const float shifted = x * 1.44269504F + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375F) + n * 2.12194440e-4F;
  float p = 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * r * r + r + 1.0F;
  const std::uint32_t exponent = (std::bit_cast<std::uint32_t>(shifted) << 23) + (127U << 23);
  return p * std::bit_cast<float>(exponent);
}

// sum of term(i) for i = 0 .. count - 1
template <class Term>
inline __attribute__((always_inline)) float sum_of(std::int64_t count, const Term& term) {
  float lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) lanes[lane] += term(i + lane);
  }
  float total = 0.0F;
  for (const float lane : lanes) total += lane;
  for (; i < count; ++i) total += term(i);
  return total;
}

}  // namespace

RL_FOR_EVERY_CPU RowScale norm_row(const NormRow& row) {
  const float* __restrict g = row.output_gradient;
  const float* __restrict x = row.x;
  const float* __restrict w = row.weight;
  float* __restrict dx = row.input_gradient;
  const std::int64_t width = row.width;
  const float count = static_cast<float>(width);
  const bool centred = row.centred;
  const float mean = centred ? sum_of(width, [=](std::int64_t i) { return x[i]; }) / count : 0.0F;
  const float squares =
      sum_of(width, [=](std::int64_t i) { return (x[i] - mean) * (x[i] - mean); });
  const float inverse = 1.0F / std::sqrt(squares / count + row.epsilon);
  const float along_x =
      sum_of(width, [=](std::int64_t i) { return g[i] * w[i] * (x[i] - mean); }) * inverse / count;
  const float along_one =
      centred ? sum_of(width, [=](std::int64_t i) { return g[i] * w[i]; }) / count : 0.0F;
  for (std::int64_t i = 0; i < width; ++i) {
    const float normed = (x[i] - mean) * inverse;
    dx[i] = inverse * (g[i] * w[i] - along_one - normed * along_x);
  }
  return {mean, inverse};
}

RL_FOR_EVERY_CPU void norm_weight_row(const float* __restrict output_gradient,
                                      const float* __restrict x, RowScale scale,
                                      float* __restrict weight_gradient,
                                      float* __restrict bias_gradient, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) {
    weight_gradient[i] += output_gradient[i] * ((x[i] - scale.mean) * scale.inverse);
  }
  if (bias_gradient == nullptr) return;
  for (std::int64_t i = 0; i < width; ++i) bias_gradient[i] += output_gradient[i];
}

RL_FOR_EVERY_CPU void silu_multiply_row(const float* __restrict output_gradient,
                                        const float* __restrict gate, const float* __restrict up,
                                        float* __restrict gate_gradient,
                                        float* __restrict up_gradient, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float sigmoid = 1.0F / (1.0F + exponential(-gate[i]));
    const float silu = gate[i] * sigmoid;
    up_gradient[i] = output_gradient[i] * silu;
    gate_gradient[i] = output_gradient[i] * up[i] * (sigmoid + silu * (1.0F - sigmoid));
  }
}

// y = x s(2u) with u = sqrt(2/pi) (x + 0.044715 x^3) and the logistic s, since (1 + tanh u) / 2 = s(2u).
RL_FOR_EVERY_CPU void gelu_row(const float* __restrict output_gradient, const float* __restrict x,
                               float* __restrict input_gradient, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float square = x[i] * x[i];
    const float twice = 1.5957691216F * x[i] * (1.0F + 0.044715F * square);
    const float slope = 1.5957691216F * (1.0F + 0.134145F * square);
    const float share = 1.0F / (1.0F + exponential(-twice));
    input_gradient[i] = output_gradient[i] * share * (1.0F + x[i] * slope * (1.0F - share));
  }
}

RL_FOR_EVERY_CPU void rotate_back_row(const float* __restrict output_gradient,
                                      const float* __restrict cos, const float* __restrict sin,
                                      float* __restrict input_gradient, std::int64_t half) {
  for (std::int64_t i = 0; i < half; ++i) {
    const float first = output_gradient[i];
    const float second = output_gradient[half + i];
    input_gradient[i] = first * cos[i] + second * sin[i];
    input_gradient[half + i] = second * cos[i] - first * sin[i];
  }
}

RL_FOR_EVERY_CPU void add_row(float* __restrict to, const float* __restrict from,
                              std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] += from[i];
}

RL_FOR_EVERY_CPU void softmax_row(float* __restrict z, std::int64_t count, float factor,
                                  float inverse_temperature, float log_sum_exp) {
  for (std::int64_t i = 0; i < count; ++i) {
    z[i] = -factor * exponential(z[i] * inverse_temperature - log_sum_exp);
  }
}

}  // namespace rl::lm
