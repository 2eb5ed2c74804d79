// The inner loops of ops.h for one thread, in forms for different CPUs that agree bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "rl/language/ops.h"

namespace rl::language {

// Sums of exp(z - max) over a row, and of the same weighted by (z - max); 16 lanes and one tree.
struct ExpSums {
  float sum;
  float weighted;
};

// Rows of weights times rows of values: sums[r, d] += sum_j p[r, j] v[j, d], j in order.
struct WeightedRows {
  const float* p;
  std::size_t p_stride;
  std::size_t rows;      // at most kMaxWeightedRows
  const float* v;
  std::size_t v_stride;
  std::size_t count;     // of j
  std::size_t width;     // of d
  float* sums;           // [rows, width]
};
inline constexpr std::size_t kMaxWeightedRows = 4;

// Part of a result; columns begin at a panel.
struct Block {
  std::size_t first_row, end_row;
  std::size_t first_column, end_column;
};

struct KernelTable {
  const char* name;
  bool (*runs_here)();  // whether this CPU has the instructions

  // The outputs [first, end) of all rows.
  void (*matmul)(const Matmul& product, std::size_t first, std::size_t end);
  // Products of many rows, in two steps. Columns of the result come in panels, panel_width of them
  // beside each other; a panel is packed once and then serves all rows. The panels of a block lie
  // end to end, 64-byte aligned.
  std::size_t panel_width;
  std::size_t (*packed_weights)(std::size_t inner);  // floats of a panel of a matmul
  void (*pack_weights)(const Matmul& product, std::size_t column, float* panel);
  void (*matmul_panels)(const Matmul& product, Block block, const float* panels);
  // Of an added product only steps [first_step, end_step); a panel is panel_width floats for each.
  void (*pack_columns)(const AddedProduct& product, std::size_t column, std::size_t first_step,
                       std::size_t end_step, float* panel);
  void (*added_panels)(const AddedProduct& product, Block block, std::size_t first_step,
                       std::size_t end_step, const float* panels);
  void (*weighted_rows)(const WeightedRows& product);
  float (*maximum)(const float* x, std::size_t count);  // count > 0
  // e[i] = exp(scale * x[i] - max), and their sums; `e` may be x or null.
  ExpSums (*exponentials)(const float* x, std::size_t count, float scale, float max, float* e);
  void (*rms_norm)(const float* x, std::size_t width, const float* weight, float epsilon, float* y);
  void (*layer_norm)(const float* x, std::size_t width, const float* weight, const float* bias,
                     float epsilon, float* y);
  void (*rotate)(float* x, std::size_t half, const float* cos, const float* sin);
  void (*silu_multiply)(const float* gate, const float* up, std::size_t count, float* y);
  void (*gelu_tanh)(const float* x, std::size_t count, float* y);
  void (*add)(const float* a, const float* b, std::size_t count, float* y);
  void (*scale)(float* x, std::size_t count, float factor);
};

extern const KernelTable kPortableKernels;
extern const KernelTable kAvx2Kernels;    // x86 builds only
extern const KernelTable kAvx512Kernels;  // x86 builds only

// The forms that run on this CPU, slowest first; never empty. Threads: any.
std::span<const KernelTable* const> available_kernels();

}  // namespace rl::language
