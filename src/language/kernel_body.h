// The loops of kernels.h over 16 virtual lanes. Each including file is compiled for its own CPU, so
// nothing here may call a function that another file could share: nothing of the standard library,
// and every template hangs on a type that is local to the file.
#pragma once

#include "src/language/product_body.h"

namespace rl::language {

// `P` gives a Part of kPartWidth floats, the tile shapes, and the operations on a Part.
template <class P>
struct KernelBody {
  using Part = typename P::Part;
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kPartWidth = P::kPartWidth;
  static constexpr std::size_t kParts = kLanes / kPartWidth;
  // Rows whose inputs stay in the second-level cache while the weights pass by.
  static constexpr std::size_t kRowBlock = 64;
  static constexpr std::size_t kCacheLine = 64;  // bytes
  static constexpr int kSecondLevel = 2;         // for __builtin_prefetch

  struct Lanes {
    Part part[kParts];
  };

  static Lanes zero() {
    Lanes lanes;
    for (Part& part : lanes.part) part = P::broadcast(0.0F);
    return lanes;
  }

  // --- products: y[m, n] = x[m] . w[n] ------------------------------------------------------------

  template <std::size_t kRows, std::size_t kColumns, class W>
  static void multiply_step(Lanes (&sums)[kRows][kColumns], const float* x, std::size_t x_stride,
                            const W* w, std::size_t w_stride) {
    for (std::size_t part = 0; part < kParts; ++part) {
      Part inputs[kRows];
      for (std::size_t r = 0; r < kRows; ++r) {
        inputs[r] = P::load(x + r * x_stride + part * kPartWidth);
      }
      for (std::size_t c = 0; c < kColumns; ++c) {
        const Part weights = P::load(w + c * w_stride + part * kPartWidth);
        for (std::size_t r = 0; r < kRows; ++r) {
          sums[r][c].part[part] = P::fma(inputs[r], weights, sums[r][c].part[part]);
        }
      }
    }
  }

  // The last `count` < 16 of k, filled up with zeros.
  template <std::size_t kRows, std::size_t kColumns, class W>
  static void multiply_tail(Lanes (&sums)[kRows][kColumns], const float* x, std::size_t x_stride,
                            const W* w, std::size_t w_stride, std::size_t count) {
    Lanes inputs[kRows];
    for (std::size_t r = 0; r < kRows; ++r) inputs[r] = load_part(x + r * x_stride, count);
    for (std::size_t c = 0; c < kColumns; ++c) {
      const Lanes weights = load_part(w + c * w_stride, count);
      for (std::size_t r = 0; r < kRows; ++r) {
        for (std::size_t part = 0; part < kParts; ++part) {
          sums[r][c].part[part] =
              P::fma(inputs[r].part[part], weights.part[part], sums[r][c].part[part]);
        }
      }
    }
  }

  // kAhead: also brings the weights of the tile three further on from memory into the second-level
  // cache (the first has too few misses in flight).
  template <std::size_t kRows, std::size_t kColumns, bool kAhead, class W>
  static void tile(const Matmul& product, std::size_t row, std::size_t column) {
    Lanes sums[kRows][kColumns];
    for (auto& lanes_of_row : sums) {
      for (Lanes& lanes : lanes_of_row) lanes = zero();
    }
    const float* x = product.x + row * product.x_stride;
    const W* w = static_cast<const W*>(product.w) + column * product.w_stride;
    const std::size_t whole = product.inner & ~(kLanes - 1);
    constexpr std::size_t kLine = kCacheLine / sizeof(W);
    std::size_t k = 0;
    for (; k + kLine <= whole; k += kLine) {
      if constexpr (kAhead) {
        for (std::size_t c = 3 * kColumns; c < 4 * kColumns; ++c) {
          __builtin_prefetch(w + c * product.w_stride + k, 0, kSecondLevel);
        }
      }
      for (std::size_t i = k; i < k + kLine; i += kLanes) {
        multiply_step(sums, x + i, product.x_stride, w + i, product.w_stride);
      }
    }
    for (; k < whole; k += kLanes) {
      multiply_step(sums, x + k, product.x_stride, w + k, product.w_stride);
    }
    if (whole < product.inner) {
      multiply_tail(sums, x + whole, product.x_stride, w + whole, product.w_stride,
                    product.inner - whole);
    }
    store(product, row, column, sums);
  }

  // The tree of every output, four neighbours at a time where the tile's shape allows it.
  template <std::size_t kRows, std::size_t kColumns>
  static void store(const Matmul& product, std::size_t row, std::size_t column,
                    const Lanes (&sums)[kRows][kColumns]) {
    float* y = product.y + row * product.y_stride + column;
    for (std::size_t r = 0; r < kRows; ++r, y += product.y_stride) {
      if constexpr (kColumns % 4 == 0) {
        for (std::size_t c = 0; c < kColumns; c += 4) {
          P::sum_four(sums[r][c].part, sums[r][c + 1].part, sums[r][c + 2].part,
                      sums[r][c + 3].part, y + c);
        }
      } else {
        for (std::size_t c = 0; c < kColumns; ++c) y[c] = P::sum(sums[r][c].part);
      }
      if (product.bias == nullptr) continue;
      for (std::size_t c = 0; c < kColumns; ++c) y[c] += product.bias[column + c];
    }
  }

  template <std::size_t kRows, std::size_t kColumns, class W>
  static void rows_of_tiles(const Matmul& product, std::size_t column, std::size_t& row,
                            std::size_t end_row, bool& ahead) {
    for (; row + kRows <= end_row; row += kRows) {
      if (ahead) {
        tile<kRows, kColumns, true, W>(product, row, column);
        ahead = false;
      } else {
        tile<kRows, kColumns, false, W>(product, row, column);
      }
    }
  }

  // The first tile of the column fetches for the columns to come.
  template <std::size_t kColumns, class W>
  static void column_of_tiles(const Matmul& product, std::size_t column, std::size_t row,
                              std::size_t end_row) {
    bool ahead = true;
    rows_of_tiles<P::kRows, kColumns, W>(product, column, row, end_row, ahead);
    rows_of_tiles<P::kFewRows, kColumns, W>(product, column, row, end_row, ahead);
    rows_of_tiles<1, kColumns, W>(product, column, row, end_row, ahead);
  }

  template <std::size_t kColumns, class W>
  static void block_of_rows(const Matmul& product, std::size_t row, std::size_t end_row,
                            std::size_t column, std::size_t end) {
    for (; column + kColumns <= end; column += kColumns) {
      column_of_tiles<kColumns, W>(product, column, row, end_row);
    }
    for (; column < end; ++column) column_of_tiles<1, W>(product, column, row, end_row);
  }

  template <class W>
  static void matmul_of(const Matmul& product, std::size_t first, std::size_t end) {
    if (product.rows == 1) {
      block_of_rows<P::kSingleColumns, W>(product, 0, product.rows, first, end);
      return;
    }
    for (std::size_t row = 0; row < product.rows; row += kRowBlock) {
      const std::size_t left = product.rows - row;
      block_of_rows<P::kColumns, W>(product, row, row + (left < kRowBlock ? left : kRowBlock),
                                    first, end);
    }
  }

  static void matmul(const Matmul& product, std::size_t first, std::size_t end) {
    if (product.w_dtype == DType::bf16) {
      matmul_of<std::uint16_t>(product, first, end);
    } else {
      matmul_of<float>(product, first, end);
    }
  }

  // --- weighted sums of rows ----------------------------------------------------------------------

  template <std::size_t kRows, std::size_t kColumns, bool kWhole>
  static void weighted_tile(const WeightedRows& product, std::size_t d, std::size_t columns) {
    const std::size_t width = kWhole ? kLanes : columns;
    Lanes sums[kRows][kColumns];
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        sums[r][c] = load_part(product.sums + r * product.width + d + c * kLanes, width);
      }
    }
    for (std::size_t j = 0; j < product.count; ++j) {
      Lanes values[kColumns];
      for (std::size_t c = 0; c < kColumns; ++c) {
        values[c] = load_part(product.v + j * product.v_stride + d + c * kLanes, width);
      }
      for (std::size_t r = 0; r < kRows; ++r) {
        const Part weight = P::broadcast(product.p[r * product.p_stride + j]);
        for (std::size_t c = 0; c < kColumns; ++c) {
          for (std::size_t part = 0; part < kParts; ++part) {
            sums[r][c].part[part] = P::fma(weight, values[c].part[part], sums[r][c].part[part]);
          }
        }
      }
    }
    for (std::size_t r = 0; r < kRows; ++r) {
      for (std::size_t c = 0; c < kColumns; ++c) {
        store_part(product.sums + r * product.width + d + c * kLanes, width, sums[r][c]);
      }
    }
  }

  template <std::size_t kRows>
  static void weighted_rows_of(const WeightedRows& product) {
    constexpr std::size_t kBlock = P::kWeightedColumns * kLanes;
    std::size_t d = 0;
    for (; d + kBlock <= product.width; d += kBlock) {
      weighted_tile<kRows, P::kWeightedColumns, true>(product, d, kLanes);
    }
    for (; d + kLanes <= product.width; d += kLanes) {
      weighted_tile<kRows, 1, true>(product, d, kLanes);
    }
    if (d < product.width) weighted_tile<kRows, 1, false>(product, d, product.width - d);
  }

  static void weighted_rows(const WeightedRows& product) {
    switch (product.rows) {
      case 1: return weighted_rows_of<1>(product);
      case 2: return weighted_rows_of<2>(product);
      case 3: return weighted_rows_of<3>(product);
      default: return weighted_rows_of<4>(product);
    }
  }

  // --- elementwise --------------------------------------------------------------------------------

  static Lanes load_part(const float* from, std::size_t count) {  // zeros behind count
    Lanes lanes;
    for (std::size_t part = 0; part < kParts; ++part) {
      const std::size_t begin = part * kPartWidth;
      lanes.part[part] = count >= begin + kPartWidth ? P::load(from + begin)
                         : count > begin ? P::load_first(from + begin, count - begin)
                                         : P::broadcast(0.0F);
    }
    return lanes;
  }

  static Lanes load_part(const std::uint16_t* from, std::size_t count) {
    std::uint16_t values[kLanes] = {};
    for (std::size_t i = 0; i < count; ++i) values[i] = from[i];
    Lanes lanes;
    for (std::size_t part = 0; part < kParts; ++part) {
      lanes.part[part] = P::load(values + part * kPartWidth);
    }
    return lanes;
  }

  static void store_part(float* to, std::size_t count, const Lanes& lanes) {
    for (std::size_t part = 0; part < kParts; ++part) {
      const std::size_t begin = part * kPartWidth;
      if (count >= begin + kPartWidth) {
        P::store(to + begin, lanes.part[part]);
      } else if (count > begin) {
        P::store_first(to + begin, count - begin, lanes.part[part]);
      }
    }
  }

  static Lanes keep_first(const Lanes& lanes, std::size_t count) {  // zeros behind count
    if (count >= kLanes) return lanes;
    float values[kLanes];
    store_part(values, kLanes, lanes);
    return load_part(values, count);
  }

  // y[i ..] = function(i, lanes left), 16 at a time.
  template <class Function>
  static void map(std::size_t count, float* y, const Function& function) {
    for (std::size_t i = 0; i < count; i += kLanes) {
      const std::size_t left = count - i < kLanes ? count - i : kLanes;
      Lanes result = function(i, left);
      store_part(y + i, left, result);
    }
  }

  template <class Function>
  static Lanes each(const Lanes& a, const Function& function) {
    Lanes result;
    for (std::size_t part = 0; part < kParts; ++part) result.part[part] = function(a.part[part]);
    return result;
  }

  template <class Function>
  static Lanes each(const Lanes& a, const Lanes& b, const Function& function) {
    Lanes result;
    for (std::size_t part = 0; part < kParts; ++part) {
      result.part[part] = function(a.part[part], b.part[part]);
    }
    return result;
  }

  // e^x (Cephes expf): x = n ln 2 + r, a polynomial in r, times 2^n. 0 below -87.3, no more than
  // e^88.3 above.
  static Part exp(Part x) {
    const Part low = P::broadcast(-87.3F);
    const Part clamped = P::max(P::min(x, P::broadcast(88.3F)), low);
    const Part round = P::broadcast(0x1.8p23F);
    const Part sum = P::fma(clamped, P::broadcast(1.44269504F), round);
    const Part n = P::sub(sum, round);
    Part r = P::fma(n, P::broadcast(-0.693359375F), clamped);
    r = P::fma(n, P::broadcast(2.12194440e-4F), r);
    Part p = P::broadcast(1.9875691500e-4F);
    constexpr float kTerms[] = {1.3981999507e-3F, 8.3334519073e-3F, 4.1665795894e-2F,
                                1.6666665459e-1F, 5.0000001201e-1F};
    for (const float term : kTerms) p = P::fma(p, r, P::broadcast(term));
    p = P::add(P::fma(p, P::mul(r, r), r), P::broadcast(1.0F));
    return P::if_less(x, low, P::broadcast(0.0F), P::mul(p, P::power_of_two(sum)));
  }

  // Cephes tanhf: a polynomial below 0.625, 1 - 2 / (e^2x + 1) above.
  static Part tanh(Part x) {
    const Part one = P::broadcast(1.0F);
    const Part magnitude = P::abs(x);
    const Part z = P::mul(magnitude, magnitude);
    Part p = P::broadcast(-5.70498872745e-3F);
    constexpr float kTerms[] = {2.06390887954e-2F, -5.37397155531e-2F, 1.33314422036e-1F,
                                -3.33332819422e-1F};
    for (const float term : kTerms) p = P::fma(p, z, P::broadcast(term));
    const Part near = P::fma(P::mul(p, z), magnitude, magnitude);
    const Part e = exp(P::add(magnitude, magnitude));
    const Part far = P::sub(one, P::div(P::broadcast(2.0F), P::add(e, one)));
    return P::copy_sign(P::if_less(magnitude, P::broadcast(0.625F), near, far), x);
  }

  static float maximum(const float* x, std::size_t count) {
    float values[kLanes];
    for (std::size_t lane = 0; lane < kLanes; ++lane) values[lane] = x[0];
    Lanes best = load_part(values, kLanes);
    std::size_t i = 0;
    for (; i + kLanes <= count; i += kLanes) {
      best = each(load_part(x + i, kLanes), best, [](Part a, Part b) { return P::max(a, b); });
    }
    store_part(values, kLanes, best);
    float result = values[0];
    for (const float value : values) result = value > result ? value : result;
    for (; i < count; ++i) result = x[i] > result ? x[i] : result;
    return result;
  }

  static ExpSums exponentials(const float* x, std::size_t count, float scale, float max, float* e) {
    Lanes sum = zero();
    Lanes weighted = zero();
    for (std::size_t i = 0; i < count; i += kLanes) {
      const std::size_t left = count - i < kLanes ? count - i : kLanes;
      // An excluded logit is -infinity: its share is 0, not NaN.
      const Lanes below = each(load_part(x + i, left), [&](Part v) {
        return P::max(P::sub(P::mul(v, P::broadcast(scale)), P::broadcast(max)),
                      P::broadcast(-1e4F));
      });
      const Lanes powers = keep_first(each(below, [](Part v) { return exp(v); }), left);
      for (std::size_t part = 0; part < kParts; ++part) {
        sum.part[part] = P::add(sum.part[part], powers.part[part]);
        weighted.part[part] = P::fma(powers.part[part], below.part[part], weighted.part[part]);
      }
      if (e != nullptr) store_part(e + i, left, powers);
    }
    return {P::sum(sum.part), P::sum(weighted.part)};
  }

  static void rms_norm(const float* x, std::size_t width, const float* weight, float epsilon,
                       float* y) {
    Lanes squares = zero();
    for (std::size_t i = 0; i < width; i += kLanes) {
      const Lanes v = load_part(x + i, width - i);
      for (std::size_t part = 0; part < kParts; ++part) {
        squares.part[part] = P::fma(v.part[part], v.part[part], squares.part[part]);
      }
    }
    const float mean = P::sum(squares.part) / static_cast<float>(width);
    const Part inverse = P::broadcast(1.0F / __builtin_sqrtf(mean + epsilon));
    map(width, y, [&](std::size_t i, std::size_t left) {
      return each(load_part(x + i, left), load_part(weight + i, left),
                  [&](Part v, Part w) { return P::mul(P::mul(v, inverse), w); });
    });
  }

  static void layer_norm(const float* x, std::size_t width, const float* weight, const float* bias,
                         float epsilon, float* y) {
    const float count = static_cast<float>(width);
    Lanes sum = zero();
    for (std::size_t i = 0; i < width; i += kLanes) {
      sum = each(sum, load_part(x + i, width - i), [](Part a, Part b) { return P::add(a, b); });
    }
    const Part mean = P::broadcast(P::sum(sum.part) / count);
    Lanes squares = zero();
    for (std::size_t i = 0; i < width; i += kLanes) {
      const Lanes v = keep_first(
          each(load_part(x + i, width - i), [&](Part a) { return P::sub(a, mean); }), width - i);
      for (std::size_t part = 0; part < kParts; ++part) {
        squares.part[part] = P::fma(v.part[part], v.part[part], squares.part[part]);
      }
    }
    const Part inverse =
        P::broadcast(1.0F / __builtin_sqrtf(P::sum(squares.part) / count + epsilon));
    map(width, y, [&](std::size_t i, std::size_t left) {
      const Lanes v = each(load_part(x + i, left),
                           [&](Part a) { return P::mul(P::sub(a, mean), inverse); });
      const Lanes w = load_part(weight + i, left);
      const Lanes b = load_part(bias + i, left);
      Lanes result;
      for (std::size_t part = 0; part < kParts; ++part) {
        result.part[part] = P::fma(v.part[part], w.part[part], b.part[part]);
      }
      return result;
    });
  }

  static void rotate(float* x, std::size_t half, const float* cos, const float* sin) {
    const auto minus = [](Part a, Part b) { return P::sub(a, b); };
    const auto plus = [](Part a, Part b) { return P::add(a, b); };
    const auto times = [](Part a, Part b) { return P::mul(a, b); };
    for (std::size_t i = 0; i < half; i += kLanes) {
      const std::size_t left = half - i < kLanes ? half - i : kLanes;
      const Lanes a = load_part(x + i, left);
      const Lanes b = load_part(x + half + i, left);
      const Lanes c = load_part(cos + i, left);
      const Lanes s = load_part(sin + i, left);
      store_part(x + i, left, each(each(a, c, times), each(b, s, times), minus));
      store_part(x + half + i, left, each(each(b, c, times), each(a, s, times), plus));
    }
  }

  static void silu_multiply(const float* gate, const float* up, std::size_t count, float* y) {
    const Part one = P::broadcast(1.0F);
    map(count, y, [&](std::size_t i, std::size_t left) {
      return each(load_part(gate + i, left), load_part(up + i, left), [&](Part g, Part u) {
        const Part e = exp(P::sub(P::broadcast(0.0F), g));
        return P::mul(P::div(g, P::add(one, e)), u);
      });
    });
  }

  static void gelu_tanh(const float* x, std::size_t count, float* y) {
    map(count, y, [&](std::size_t i, std::size_t left) {
      return each(load_part(x + i, left), [](Part v) {
        const Part one = P::broadcast(1.0F);
        const Part cubic = P::fma(P::mul(v, v), P::broadcast(0.044715F), one);
        const Part inner = P::mul(P::mul(v, P::broadcast(0.7978845608F)), cubic);
        return P::mul(P::mul(v, P::broadcast(0.5F)), P::add(one, tanh(inner)));
      });
    });
  }

  static void add(const float* a, const float* b, std::size_t count, float* y) {
    map(count, y, [&](std::size_t i, std::size_t left) {
      return each(load_part(a + i, left), load_part(b + i, left),
                  [](Part u, Part v) { return P::add(u, v); });
    });
  }

  static void scale(float* x, std::size_t count, float factor) {
    map(count, x, [&](std::size_t i, std::size_t left) {
      return each(load_part(x + i, left),
                  [&](Part v) { return P::mul(v, P::broadcast(factor)); });
    });
  }

  static constexpr KernelTable table(const char* name, bool (*runs_here)()) {
    using Products = ProductBody<P>;
    return {.name = name,
            .runs_here = runs_here,
            .matmul = matmul,
            .panel_width = Products::kPanel,
            .packed_weights = Products::packed_weights,
            .pack_weights = Products::pack_weights,
            .matmul_panels = Products::matmul_panels,
            .pack_columns = Products::pack_columns,
            .added_panels = Products::added_panels,
            .weighted_rows = weighted_rows,
            .maximum = maximum,
            .exponentials = exponentials,
            .rms_norm = rms_norm,
            .layer_norm = layer_norm,
            .rotate = rotate,
            .silu_multiply = silu_multiply,
            .gelu_tanh = gelu_tanh,
            .add = add,
            .scale = scale};
  }
};

}  // namespace rl::language
