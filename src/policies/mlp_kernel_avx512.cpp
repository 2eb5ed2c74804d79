#include <immintrin.h>

#include "src/policies/mlp_kernel_body.h"

namespace rl {
namespace {

bool runs_here() { return __builtin_cpu_supports("avx512f") != 0; }

struct SixteenLanes {
  using Vector = __m512;
  static constexpr std::size_t kWidth = 16;
  static constexpr std::size_t kBlockRows = 4;
  static constexpr std::size_t kBlockColumns = 4;
  static constexpr std::size_t kSingleColumns = 4;

  static Vector load(const float* from) { return _mm512_load_ps(from); }
  static void store(float* to, Vector v) { _mm512_store_ps(to, v); }
  static Vector broadcast(float v) { return _mm512_set1_ps(v); }
  static Vector fma(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
  static Vector add(Vector a, Vector b) { return _mm512_add_ps(a, b); }
  static Vector sub(Vector a, Vector b) { return _mm512_sub_ps(a, b); }
  static Vector mul(Vector a, Vector b) { return _mm512_mul_ps(a, b); }
  static Vector div(Vector a, Vector b) { return _mm512_div_ps(a, b); }
  static Vector min(Vector a, Vector b) { return _mm512_min_ps(a, b); }
  static Vector max(Vector a, Vector b) { return _mm512_max_ps(a, b); }
  static Vector abs(Vector v) { return _mm512_abs_ps(v); }
  static Vector copy_sign(Vector v, Vector sign) {
    const __m512i mask = _mm512_set1_epi32(static_cast<int>(0x80000000U));
    return _mm512_castsi512_ps(_mm512_or_si512(
        _mm512_castps_si512(v), _mm512_and_si512(_mm512_castps_si512(sign), mask)));
  }
  static Vector if_less(Vector a, Vector b, Vector then, Vector otherwise) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), otherwise, then);
  }
  // 2^n from 1.5 * 2^23 + n.
  static Vector power_of_two(Vector rounded) {
    const __m512i bits = _mm512_slli_epi32(_mm512_castps_si512(rounded), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(bits, _mm512_set1_epi32(127 << 23)));
  }
};

}  // namespace

using Body = MlpBody<SixteenLanes>;
const MlpKernel kAvx512MlpKernel = {
    "avx512", runs_here, Body::dense, Body::tanh_all, Body::relu_all};

}  // namespace rl
