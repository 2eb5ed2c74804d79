// Products of many rows over packed columns, for one CPU; see kernel_body.h for what may be included.
//
// A panel is kPanel neighbouring outputs (columns of the result), packed so that a tile of rows walks
// it from front to back: one vector holds as many outputs, one broadcast input serves them all.
#pragma once

#include "src/language/kernels.h"

#define RL_INLINED __attribute__((always_inline))

namespace rl::language {

template <class P>
struct ProductBody {
  using Part = typename P::Part;
  static constexpr std::size_t kWidth = P::kPartWidth;
  static constexpr std::size_t kParts = P::kPanelParts;
  static constexpr std::size_t kPanel = kParts * kWidth;
  static constexpr std::size_t kAlignment = 64;  // bytes: a cache line

  static float widened(float value) { return value; }
  static float widened(std::uint16_t bf16) {
    return __builtin_bit_cast(float, static_cast<std::uint32_t>(bf16) << 16);
  }

  template <std::size_t kValue>
  struct Index {
    static constexpr std::size_t value = kValue;
    constexpr operator std::size_t() const { return kValue; }
  };
  // function(0), .. function(kCount - 1), written out: the compiler unrolls loops too late to keep
  // what they index in registers.
  template <std::size_t kCount, class Function>
  RL_INLINED static void unrolled(const Function& function) {
    if constexpr (kCount > 0) {
      unrolled<kCount - 1>(function);
      function(Index<kCount - 1>{});
    }
  }
  template <std::size_t kRowCount, class Function>
  RL_INLINED static void each_part(const Function& function) {
    unrolled<kRowCount>([&](auto r) RL_INLINED {
      unrolled<kParts>([&](auto c) RL_INLINED { function(r, c); });
    });
  }

  static std::size_t least(std::size_t a, std::size_t b) { return a < b ? a : b; }

  // --- y[m, n] = x[m] . w[n] by the contract's 16 partial sums -------------------------------------
  //
  // The partial sums of an output are kept a few at a time: one pass over the row for every kLanes of
  // them, in the order in which the tree needs the passes' results. Before the last pass these wait
  // in `levels`: the tree's unfinished branches, one of every height.

  static constexpr std::size_t kSums = 16;
  static constexpr std::size_t kLanes = P::kLanesAtOnce;
  static constexpr std::size_t kPasses = kSums / kLanes;
  static constexpr std::size_t kLevels = static_cast<std::size_t>(__builtin_ctzll(kPasses));
  static constexpr std::size_t kRows = P::kPanelRows;
  static constexpr std::size_t kRowBlock = 48;  // rows whose inputs stay in the caches for all passes

  static constexpr std::size_t steps_of(std::size_t inner) { return (inner + kSums - 1) / kSums; }

  static std::size_t packed_weights(std::size_t inner) { return steps_of(inner) * kSums * kPanel; }

  // The lane that pass number `pass` begins with: the passes' numbers with their bits reversed.
  static constexpr std::size_t lane_of(std::size_t pass) {
    std::size_t lane = 0;
    for (std::size_t bit = 1; bit < kPasses; bit *= 2) {
      lane = 2 * lane + (pass & bit ? 1 : 0);
    }
    return lane;
  }

  struct PanelTask {
    const float* x;       // of the block's first row
    std::size_t x_stride;
    const float* tails;   // [kRowBlock, 16]: the last inputs of every row, filled up with zeros
    std::size_t inner;
    const float* panel;   // [passes, steps, kLanes, kPanel]
    float* levels;        // [kLevels, kRowBlock, kPanel]
    const float* bias;    // [kPanel]
    float* y;             // the panel's outputs of the block's first row
    std::size_t y_stride;
    std::size_t outputs;  // at most kPanel
  };

  // A panel as [passes, steps, kLanes, kPanel]; zeros stand for outputs and inputs that are not there.
  template <class W>
  static void pack_weights_of(const Matmul& product, std::size_t column, float* panel) {
    const std::size_t outputs = least(kPanel, product.outputs - column);
    const std::size_t steps = steps_of(product.inner);
    const W* w = static_cast<const W*>(product.w) + column * product.w_stride;
    for (std::size_t pass = 0; pass < kPasses; ++pass) {
      for (std::size_t step = 0; step < steps; ++step) {
        for (std::size_t l = 0; l < kLanes; ++l, panel += kPanel) {
          const std::size_t k = step * kSums + lane_of(pass) + l * kPasses;
          const std::size_t filled = k < product.inner ? outputs : 0;
          for (std::size_t n = 0; n < filled; ++n) panel[n] = widened(w[n * product.w_stride + k]);
          for (std::size_t n = filled; n < kPanel; ++n) panel[n] = 0.0F;
        }
      }
    }
  }

  static void pack_weights(const Matmul& product, std::size_t column, float* panel) {
    if (product.w_dtype == DType::bf16) {
      pack_weights_of<std::uint16_t>(product, column, panel);
    } else {
      pack_weights_of<float>(product, column, panel);
    }
  }

  // One step of 16 inputs for a pass; `x` of row r begins at x + r * stride.
  template <std::size_t kCount>
  RL_INLINED static void lane_step(Part (&sums)[kLanes][kCount][kParts], const float* x,
                                   std::size_t stride, const float* weights) {
    unrolled<kLanes>([&](auto l) RL_INLINED {
      Part w[kParts];
      unrolled<kParts>([&](auto c) RL_INLINED {
        w[c] = P::in_register(P::load(weights + l * kPanel + c * kWidth));
      });
      unrolled<kCount>([&](auto r) RL_INLINED {
        const Part input = P::broadcast(x[r * stride + l * kPasses]);
        unrolled<kParts>([&](auto c) RL_INLINED {
          sums[l][r][c] = P::fma(input, w[c], sums[l][r][c]);
        });
      });
    });
  }

  template <std::size_t kCount, std::size_t kPass>
  static void lane_tile(const PanelTask& task, std::size_t row) {
    Part sums[kLanes][kCount][kParts];
    unrolled<kLanes>([&](auto l) RL_INLINED {
      each_part<kCount>([&](auto r, auto c) RL_INLINED {
        sums[l][r][c] = P::broadcast(0.0F);
      });
    });
    constexpr std::size_t kLane = lane_of(kPass);
    const std::size_t whole = task.inner / kSums;
    const std::size_t steps = steps_of(task.inner);
    const float* x = task.x + row * task.x_stride + kLane;
    const float* weights = task.panel + kPass * steps * kLanes * kPanel;
    for (std::size_t step = 0; step < whole; ++step, weights += kLanes * kPanel) {
      lane_step<kCount>(sums, x + step * kSums, task.x_stride, weights);
    }
    if (whole < steps) {
      lane_step<kCount>(sums, task.tails + row * kSums + kLane, kSums, weights);
    }
    add_halves<kCount, kLanes / 2>(sums);
    finish_pass<kCount, kPass>(task, row, sums[0]);
  }

  template <std::size_t kCount, std::size_t kHalf>
  RL_INLINED static void add_halves(Part (&sums)[kLanes][kCount][kParts]) {
    unrolled<kHalf>([&](auto l) RL_INLINED {
      each_part<kCount>([&](auto r, auto c) RL_INLINED {
        sums[l][r][c] = P::add(sums[l][r][c], sums[l + kHalf][r][c]);
      });
    });
    if constexpr (kHalf > 1) add_halves<kCount, kHalf / 2>(sums);
  }

  // Adds the finished branches of the tree to the pass's result, and keeps it for the next branch or
  // stores it.
  template <std::size_t kCount, std::size_t kPass>
  RL_INLINED static void finish_pass(const PanelTask& task, std::size_t row,
                                     Part (&sums)[kCount][kParts]) {
    constexpr std::size_t kFinished = static_cast<std::size_t>(__builtin_ctzll(~kPass));
    float* const branches = task.levels + row * kPanel;
    unrolled<kFinished>([&](auto level) RL_INLINED {
      each_part<kCount>([&](auto r, auto c) RL_INLINED {
        const float* branch = branches + (level * kRowBlock + r) * kPanel + c * kWidth;
        sums[r][c] = P::add(P::load(branch), sums[r][c]);
      });
    });
    if constexpr (kPass + 1 < kPasses) {
      each_part<kCount>([&](auto r, auto c) RL_INLINED {
        P::store(branches + (kFinished * kRowBlock + r) * kPanel + c * kWidth, sums[r][c]);
      });
    } else {
      unrolled<kCount>([&](auto r) RL_INLINED { store_row(task, row + r, sums[r]); });
    }
  }

  RL_INLINED static void store_row(const PanelTask& task, std::size_t row,
                                   const Part (&sums)[kParts]) {
    float* y = task.y + row * task.y_stride;
    unrolled<kParts>([&](auto c) RL_INLINED {
      constexpr std::size_t kBegin = c.value * kWidth;
      const Part result =
          task.bias == nullptr ? sums[c] : P::add(sums[c], P::load(task.bias + kBegin));
      if (task.outputs >= kBegin + kWidth) {
        P::store(y + kBegin, result);
      } else if (task.outputs > kBegin) {
        P::store_first(y + kBegin, task.outputs - kBegin, result);
      }
    });
  }

  template <std::size_t kPass>
  static void lane_pass(const PanelTask& task, std::size_t rows) {
    std::size_t row = 0;
    for (; row + kRows <= rows; row += kRows) lane_tile<kRows, kPass>(task, row);
    for (; row < rows; ++row) lane_tile<1, kPass>(task, row);
    if constexpr (kPass + 1 < kPasses) lane_pass<kPass + 1>(task, rows);
  }

  static void copy_tails(const Matmul& product, std::size_t first_row, std::size_t rows,
                         float* tails) {
    const std::size_t whole = product.inner / kSums * kSums;
    for (std::size_t r = 0; r < rows; ++r, tails += kSums) {
      const float* x = product.x + (first_row + r) * product.x_stride;
      for (std::size_t k = 0; k < kSums; ++k) {
        tails[k] = whole + k < product.inner ? x[whole + k] : 0.0F;
      }
    }
  }

  static void matmul_panels(const Matmul& product, Block block, const float* panels) {
    alignas(kAlignment) float levels[kLevels * kRowBlock * kPanel];
    alignas(kAlignment) float tails[kRowBlock * kSums];
    for (std::size_t row = block.first_row; row < block.end_row; row += kRowBlock) {
      const std::size_t rows = least(kRowBlock, block.end_row - row);
      if (product.inner % kSums != 0) copy_tails(product, row, rows, tails);
      const float* panel = panels;
      for (std::size_t column = block.first_column; column < block.end_column;
           column += kPanel, panel += packed_weights(product.inner)) {
        const std::size_t outputs = least(kPanel, product.outputs - column);
        float bias[kPanel] = {};
        for (std::size_t n = 0; product.bias != nullptr && n < outputs; ++n) {
          bias[n] = product.bias[column + n];
        }
        lane_pass<0>({.x = product.x + row * product.x_stride, .x_stride = product.x_stride,
                      .tails = tails, .inner = product.inner, .panel = panel, .levels = levels,
                      .bias = product.bias == nullptr ? nullptr : bias,
                      .y = product.y + row * product.y_stride + column,
                      .y_stride = product.y_stride, .outputs = outputs}, rows);
      }
    }
  }

  // --- c[r, d] += sum_j a[r, j] b[j, d], j in order --------------------------------------------------

  static constexpr std::size_t kAddedRows = P::kAddedRows;
  static constexpr std::size_t kStepBlock = 256;  // steps of a panel that stay in the nearest cache
  static constexpr std::size_t kAddedBlock = 4 * kAddedRows;  // rows that use them there

  struct AddedTile {
    const float* a;
    std::size_t row_stride;
    std::size_t step_stride;
    std::size_t steps;
    const float* panel;  // [steps, kPanel]
    float* c;
    std::size_t c_stride;
    std::size_t width;   // columns of c; the panel has kPanel
    bool from_zero;
  };

  template <std::size_t kCount>
  static void added_tile(const AddedTile& tile) {
    const float* a = tile.a;
    const float* panel = tile.panel;
    Part sums[kCount][kParts];
    if (tile.from_zero) {
      each_part<kCount>([&](auto r, auto p) RL_INLINED {
        sums[r][p] = P::broadcast(0.0F);
      });
    } else {
      each_part<kCount>([&](auto r, auto p) RL_INLINED {
        sums[r][p] = P::load(tile.c + r * tile.c_stride + p * kWidth);
      });
    }
    for (std::size_t j = 0; j < tile.steps; ++j, a += tile.step_stride, panel += kPanel) {
      Part b[kParts];
      unrolled<kParts>([&](auto p) RL_INLINED {
        b[p] = P::in_register(P::load(panel + p * kWidth));
      });
      unrolled<kCount>([&](auto r) RL_INLINED {
        const Part factor = P::broadcast(a[r * tile.row_stride]);
        unrolled<kParts>([&](auto p) RL_INLINED {
          sums[r][p] = P::fma(factor, b[p], sums[r][p]);
        });
      });
    }
    each_part<kCount>([&](auto r, auto p) RL_INLINED {
      P::store(tile.c + r * tile.c_stride + p * kWidth, sums[r][p]);
    });
  }

  // A tile that ends outside of c works on a copy.
  template <std::size_t kCount>
  static void added_edge(AddedTile tile) {
    alignas(kAlignment) float copy[kCount * kPanel];
    float* const c = tile.c;
    for (std::size_t r = 0; r < kCount; ++r) {
      for (std::size_t d = 0; d < kPanel; ++d) {
        copy[r * kPanel + d] =
            d < tile.width && !tile.from_zero ? c[r * tile.c_stride + d] : 0.0F;
      }
    }
    const std::size_t stride = tile.c_stride;
    tile.c = copy, tile.c_stride = kPanel;
    added_tile<kCount>(tile);
    for (std::size_t r = 0; r < kCount; ++r) {
      for (std::size_t d = 0; d < tile.width; ++d) c[r * stride + d] = copy[r * kPanel + d];
    }
  }

  template <std::size_t kCount>
  static void added_rows(AddedTile& tile, std::size_t& rows) {
    for (; rows >= kCount; rows -= kCount) {
      if (tile.width == kPanel) {
        added_tile<kCount>(tile);
      } else {
        added_edge<kCount>(tile);
      }
      tile.a += kCount * tile.row_stride;
      tile.c += kCount * tile.c_stride;
    }
  }

  // Rows of a panel's columns end to end; columns outside of b are zeros. Rows that lie apart are too
  // short for the processor to see what comes next.
  static void pack_columns(const AddedProduct& product, std::size_t column, std::size_t first_step,
                           std::size_t end_step, float* panel) {
    constexpr std::size_t kAhead = 16;
    const std::size_t width = least(kPanel, product.width - column);
    const float* b = product.b + first_step * product.b_stride + column;
    for (std::size_t j = first_step; j < end_step; ++j, b += product.b_stride, panel += kPanel) {
      if (width == kPanel) {
        for (std::size_t d = 0; d < kPanel; d += kAlignment / sizeof(float)) {
          __builtin_prefetch(b + kAhead * product.b_stride + d);
        }
        unrolled<kParts>([&](auto c) RL_INLINED {
          P::store(panel + c * kWidth, P::load(b + c * kWidth));
        });
        continue;
      }
      for (std::size_t d = 0; d < kPanel; ++d) panel[d] = d < width ? b[d] : 0.0F;
    }
  }

  // The steps first_step .. end_step - 1 of a block; its panels are [end_step - first_step, kPanel]
  // each.
  static void added_panels(const AddedProduct& product, Block block, std::size_t first_step,
                           std::size_t end_step, const float* panels) {
    for (std::size_t step = first_step; step < end_step; step += kStepBlock) {
      const std::size_t steps = least(kStepBlock, end_step - step);
      for (std::size_t row = block.first_row; row < block.end_row; row += kAddedBlock) {
        const float* panel = panels + (step - first_step) * kPanel;
        for (std::size_t column = block.first_column; column < block.end_column;
             column += kPanel, panel += (end_step - first_step) * kPanel) {
          AddedTile tile{.a = product.a + row * product.a_row_stride + step * product.a_step_stride,
                         .row_stride = product.a_row_stride, .step_stride = product.a_step_stride,
                         .steps = steps, .panel = panel,
                         .c = product.c + row * product.c_stride + column,
                         .c_stride = product.c_stride,
                         .width = least(kPanel, product.width - column),
                         .from_zero = product.from_zero && step == 0};
          std::size_t rows = least(kAddedBlock, block.end_row - row);
          added_rows<kAddedRows>(tile, rows);
          added_rows<4>(tile, rows);
          added_rows<1>(tile, rows);
        }
      }
    }
  }
};

}  // namespace rl::language

#undef RL_INLINED
