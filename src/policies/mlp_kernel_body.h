// The loops of mlp_kernels.h over a vector type. Each including file is compiled for its own CPU,
// so nothing here may call a function that another file could share: nothing of the standard
// library, and every template hangs on a type that is local to the file.
#pragma once

#include "src/policies/mlp_kernels.h"

namespace rl {

// `Lanes` gives kWidth, the tile shapes, and the operations on a Vector of kWidth floats.
template <class Lanes>
struct MlpBody {
  using Vector = typename Lanes::Vector;
  static constexpr std::size_t kWidth = Lanes::kWidth;

  template <std::size_t kRows, std::size_t kColumns>
  static void tile(const DenseLayer& layer, const float* x, std::size_t x_stride,
                   std::size_t column, float* y) {
    Vector sums[kRows][kColumns];
    for (std::size_t c = 0; c < kColumns; ++c) {
      const Vector bias = Lanes::load(layer.bias + column + c * kWidth);
      for (std::size_t r = 0; r < kRows; ++r) sums[r][c] = bias;
    }
    const float* weight = layer.weight + column;
    for (std::size_t k = 0; k < layer.inputs; ++k, weight += layer.padded_outputs) {
      Vector weights[kColumns];
      for (std::size_t c = 0; c < kColumns; ++c) weights[c] = Lanes::load(weight + c * kWidth);
      for (std::size_t r = 0; r < kRows; ++r) {
        const Vector input = Lanes::broadcast(x[r * x_stride + k]);
        for (std::size_t c = 0; c < kColumns; ++c) {
          sums[r][c] = Lanes::fma(input, weights[c], sums[r][c]);
        }
      }
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        Lanes::store(y + r * layer.padded_outputs + column + c * kWidth, sums[r][c]);
      }
    }
  }

  template <std::size_t kRows, std::size_t kColumns>
  static void rows_of_tiles(const DenseLayer& layer, const float* x, std::size_t x_stride,
                            float* y) {
    constexpr std::size_t kNarrow = kMlpLanes / kWidth;
    std::size_t column = 0;
    for (; column + kColumns * kWidth <= layer.padded_outputs; column += kColumns * kWidth) {
      tile<kRows, kColumns>(layer, x, x_stride, column, y);
    }
    for (; column < layer.padded_outputs; column += kNarrow * kWidth) {
      tile<kRows, kNarrow>(layer, x, x_stride, column, y);
    }
  }

  static void dense(const DenseLayer& layer, const float* x, std::size_t x_stride,
                    std::size_t rows, float* y) {
    constexpr std::size_t kBlock = Lanes::kBlockRows;
    std::size_t row = 0;
    for (; row + kBlock <= rows; row += kBlock) {
      rows_of_tiles<kBlock, Lanes::kBlockColumns>(layer, x + row * x_stride, x_stride,
                                                  y + row * layer.padded_outputs);
    }
    for (; row < rows; ++row) {
      rows_of_tiles<1, Lanes::kSingleColumns>(layer, x + row * x_stride, x_stride,
                                              y + row * layer.padded_outputs);
    }
  }

  // e^x for x in [0, 20] or NaN (Cephes expf): x = n ln 2 + r, a polynomial in r, times 2^n.
  static Vector exp(Vector x) {
    const Vector round = Lanes::broadcast(0x1.8p23F);
    const Vector sum = Lanes::fma(x, Lanes::broadcast(1.44269504F), round);
    const Vector n = Lanes::sub(sum, round);
    Vector r = Lanes::fma(n, Lanes::broadcast(-0.693359375F), x);
    r = Lanes::fma(n, Lanes::broadcast(2.12194440e-4F), r);
    Vector p = Lanes::broadcast(1.9875691500e-4F);
    constexpr float kTerms[] = {1.3981999507e-3F, 8.3334519073e-3F, 4.1665795894e-2F,
                                1.6666665459e-1F, 5.0000001201e-1F};
    for (const float term : kTerms) {
      p = Lanes::fma(p, r, Lanes::broadcast(term));
    }
    p = Lanes::add(Lanes::fma(p, Lanes::mul(r, r), r), Lanes::broadcast(1.0F));
    return Lanes::mul(p, Lanes::power_of_two(sum));
  }

  // Cephes tanhf: a polynomial below 0.625, 1 - 2 / (e^2x + 1) above.
  static Vector tanh(Vector x) {
    const Vector one = Lanes::broadcast(1.0F);
    const Vector magnitude = Lanes::abs(x);
    const Vector z = Lanes::mul(magnitude, magnitude);
    Vector p = Lanes::broadcast(-5.70498872745e-3F);
    constexpr float kTerms[] = {2.06390887954e-2F, -5.37397155531e-2F, 1.33314422036e-1F,
                                -3.33332819422e-1F};
    for (const float term : kTerms) {
      p = Lanes::fma(p, z, Lanes::broadcast(term));
    }
    const Vector near = Lanes::fma(Lanes::mul(p, z), magnitude, magnitude);
    const Vector capped = Lanes::min(Lanes::broadcast(10.0F), magnitude);
    const Vector e = exp(Lanes::add(capped, capped));
    const Vector far = Lanes::sub(one, Lanes::div(Lanes::broadcast(2.0F), Lanes::add(e, one)));
    return Lanes::copy_sign(Lanes::if_less(magnitude, Lanes::broadcast(0.625F), near, far), x);
  }

  static void tanh_all(float* values, std::size_t count) {
    for (std::size_t i = 0; i < count; i += kWidth) {
      Lanes::store(values + i, tanh(Lanes::load(values + i)));
    }
  }

  static void relu_all(float* values, std::size_t count) {
    const Vector zero = Lanes::broadcast(0.0F);
    for (std::size_t i = 0; i < count; i += kWidth) {
      Lanes::store(values + i, Lanes::max(zero, Lanes::load(values + i)));
    }
  }
};

}  // namespace rl
