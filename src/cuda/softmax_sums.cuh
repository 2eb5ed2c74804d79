// Softmax sums of a row of logits by one warp, shared by the kernels that need them.
#pragma once

#include <cuda_runtime_api.h>

#include <cmath>

namespace {

constexpr unsigned kWarpSize = 32;
constexpr unsigned kRowsPerBlock = 4;
constexpr unsigned kAllLanes = 0xffffffffU;

// Sums over some of a row's values z, relative to their maximum m.
struct Sums {
  float maximum = -INFINITY;  // m
  float total = 0.0F;         // sum exp(z - m)
  float weighted = 0.0F;      // sum exp(z - m) (z - m)
};

// Moves the sums to a larger maximum: exp(z - m') = exp(z - m) exp(m - m').
__device__ inline Sums rebase(const Sums& sums, float maximum) {
  if (sums.total == 0.0F) return {maximum, 0.0F, 0.0F};
  const float shift = sums.maximum - maximum;
  const float scale = expf(shift);
  return {maximum, sums.total * scale, (sums.weighted + sums.total * shift) * scale};
}

__device__ inline Sums merge(const Sums& left, const Sums& right) {
  const float maximum = fmaxf(left.maximum, right.maximum);
  const Sums a = rebase(left, maximum);
  const Sums b = rebase(right, maximum);
  return {maximum, a.total + b.total, a.weighted + b.weighted};
}

// The 32 lanes of a warp each take every 32nd logit, then merge in one fixed tree. z = x * factor.
__device__ inline Sums warp_sums(const float* x, size_t count, float factor) {
  Sums sums;
  for (size_t j = threadIdx.x; j < count; j += kWarpSize) {
    if (x[j] == -INFINITY) continue;
    sums = merge(sums, {x[j] * factor, 1.0F, 0.0F});
  }
  for (unsigned offset = kWarpSize / 2; offset > 0; offset /= 2) {
    sums = merge(sums, {__shfl_xor_sync(kAllLanes, sums.maximum, offset),
                        __shfl_xor_sync(kAllLanes, sums.total, offset),
                        __shfl_xor_sync(kAllLanes, sums.weighted, offset)});
  }
  return sums;
}

inline dim3 grid_of_rows(size_t num_rows) {
  return dim3(static_cast<unsigned>((num_rows + kRowsPerBlock - 1) / kRowsPerBlock));
}

inline dim3 block_of_warps() { return dim3(kWarpSize, kRowsPerBlock); }

// The row of this warp.
__device__ inline size_t warp_row() { return size_t{blockIdx.x} * kRowsPerBlock + threadIdx.y; }

}  // namespace
