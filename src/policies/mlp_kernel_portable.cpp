#include "src/policies/mlp_kernel_body.h"

namespace rl {
namespace {

bool runs_here() { return true; }

// The fused multiply-add is an instruction where the target has one; elsewhere the C library's,
// slow and exact.
struct OneLane {
  using Vector = float;
  static constexpr std::size_t kWidth = 1;
  static constexpr std::size_t kBlockRows = 2;
  static constexpr std::size_t kBlockColumns = 16;
  static constexpr std::size_t kSingleColumns = 16;

  static Vector load(const float* from) { return *from; }
  static void store(float* to, Vector v) { *to = v; }
  static Vector broadcast(float v) { return v; }
  static Vector fma(Vector a, Vector b, Vector c) { return __builtin_fmaf(a, b, c); }
  static Vector add(Vector a, Vector b) { return a + b; }
  static Vector sub(Vector a, Vector b) { return a - b; }
  static Vector mul(Vector a, Vector b) { return a * b; }
  static Vector div(Vector a, Vector b) { return a / b; }
  // As the vector instructions: the second operand when either is NaN.
  static Vector min(Vector a, Vector b) { return a < b ? a : b; }
  static Vector max(Vector a, Vector b) { return a > b ? a : b; }
  static Vector abs(Vector v) { return __builtin_fabsf(v); }
  static Vector copy_sign(Vector v, Vector sign) { return __builtin_copysignf(v, sign); }
  static Vector if_less(Vector a, Vector b, Vector then, Vector otherwise) {
    return a < b ? then : otherwise;
  }
  // 2^n from 1.5 * 2^23 + n.
  static Vector power_of_two(Vector rounded) {
    const unsigned bits = (__builtin_bit_cast(unsigned, rounded) << 23) + (127U << 23);
    return __builtin_bit_cast(float, bits);
  }
};

}  // namespace

using Body = MlpBody<OneLane>;
const MlpKernel kPortableMlpKernel = {
    "portable", runs_here, Body::dense, Body::tanh_all, Body::relu_all};

}  // namespace rl
