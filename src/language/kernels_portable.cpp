#include "src/language/kernel_body.h"

namespace rl::language {
namespace {

bool runs_here() { return true; }

// The fused multiply-add is an instruction where the target has one; elsewhere the C library's,
// slow and exact.
struct OneLane {
  using Part = float;
  static constexpr std::size_t kPartWidth = 1;
  static constexpr std::size_t kRows = 2;
  static constexpr std::size_t kFewRows = 2;
  static constexpr std::size_t kColumns = 2;
  static constexpr std::size_t kSingleColumns = 2;
  static constexpr std::size_t kWeightedColumns = 1;
  static constexpr std::size_t kPanelParts = 4;
  static constexpr std::size_t kLanesAtOnce = 2;
  static constexpr std::size_t kPanelRows = 2;
  static constexpr std::size_t kAddedRows = 4;

  static Part load(const float* from) { return *from; }
  static Part load(const std::uint16_t* bf16) {
    return __builtin_bit_cast(float, static_cast<std::uint32_t>(*bf16) << 16);
  }
  static Part load_first(const float* from, std::size_t) { return *from; }
  static void store(float* to, Part v) { *to = v; }
  static void store_first(float* to, std::size_t, Part v) { *to = v; }
  static Part in_register(Part v) { return v; }
  static Part broadcast(float v) { return v; }
  static Part fma(Part a, Part b, Part c) { return __builtin_fmaf(a, b, c); }
  static Part add(Part a, Part b) { return a + b; }
  static Part sub(Part a, Part b) { return a - b; }
  static Part mul(Part a, Part b) { return a * b; }
  static Part div(Part a, Part b) { return a / b; }
  // As the vector instructions: the second operand when either is NaN.
  static Part min(Part a, Part b) { return a < b ? a : b; }
  static Part max(Part a, Part b) { return a > b ? a : b; }
  static Part abs(Part v) { return __builtin_fabsf(v); }
  static Part copy_sign(Part v, Part sign) { return __builtin_copysignf(v, sign); }
  static Part if_less(Part a, Part b, Part then, Part otherwise) {
    return a < b ? then : otherwise;
  }
  // 2^n from 1.5 * 2^23 + n.
  static Part power_of_two(Part rounded) {
    const unsigned bits = (__builtin_bit_cast(unsigned, rounded) << 23) + (127U << 23);
    return __builtin_bit_cast(float, bits);
  }

  static float sum(const Part* lanes) {
    float sums[8];
    for (int l = 0; l < 8; ++l) sums[l] = lanes[l] + lanes[l + 8];
    for (int l = 0; l < 4; ++l) sums[l] += sums[l + 4];
    return (sums[0] + sums[2]) + (sums[1] + sums[3]);
  }
  static void sum_four(const Part* a, const Part* b, const Part* c, const Part* d, float* sums) {
    sums[0] = sum(a), sums[1] = sum(b), sums[2] = sum(c), sums[3] = sum(d);
  }
};

}  // namespace

const KernelTable kPortableKernels = KernelBody<OneLane>::table("portable", runs_here);

}  // namespace rl::language
