#include <immintrin.h>

#include "src/policies/mlp_kernel_body.h"

namespace rl {
namespace {

bool runs_here() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }

struct EightLanes {
  using Vector = __m256;
  static constexpr std::size_t kWidth = 8;
  static constexpr std::size_t kBlockRows = 4;
  static constexpr std::size_t kBlockColumns = 2;
  static constexpr std::size_t kSingleColumns = 8;

  static Vector load(const float* from) { return _mm256_load_ps(from); }
  static void store(float* to, Vector v) { _mm256_store_ps(to, v); }
  static Vector broadcast(float v) { return _mm256_set1_ps(v); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
  static Vector add(Vector a, Vector b) { return _mm256_add_ps(a, b); }
  static Vector sub(Vector a, Vector b) { return _mm256_sub_ps(a, b); }
  static Vector mul(Vector a, Vector b) { return _mm256_mul_ps(a, b); }
  static Vector div(Vector a, Vector b) { return _mm256_div_ps(a, b); }
  static Vector min(Vector a, Vector b) { return _mm256_min_ps(a, b); }
  static Vector max(Vector a, Vector b) { return _mm256_max_ps(a, b); }
  static Vector abs(Vector v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), v); }
  static Vector copy_sign(Vector v, Vector sign) {
    return _mm256_or_ps(v, _mm256_and_ps(_mm256_set1_ps(-0.0F), sign));
  }
  static Vector if_less(Vector a, Vector b, Vector then, Vector otherwise) {
    return _mm256_blendv_ps(otherwise, then, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
  }
  // 2^n from 1.5 * 2^23 + n.
  static Vector power_of_two(Vector rounded) {
    const __m256i bits = _mm256_slli_epi32(_mm256_castps_si256(rounded), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(bits, _mm256_set1_epi32(127 << 23)));
  }
};

}  // namespace

using Body = MlpBody<EightLanes>;
const MlpKernel kAvx2MlpKernel = {
    "avx2", runs_here, Body::dense, Body::tanh_all, Body::relu_all};

}  // namespace rl
