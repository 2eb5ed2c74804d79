#include <immintrin.h>

#include "src/language/kernel_body.h"

namespace rl::language {
namespace {

bool runs_here() {
  return __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
}

struct EightLanes {
  using Part = __m256;
  static constexpr std::size_t kPartWidth = 8;
  static constexpr std::size_t kRows = 2;
  static constexpr std::size_t kFewRows = 2;
  static constexpr std::size_t kColumns = 3;
  static constexpr std::size_t kSingleColumns = 4;
  static constexpr std::size_t kWeightedColumns = 1;
  static constexpr std::size_t kPanelParts = 2;
  static constexpr std::size_t kLanesAtOnce = 2;
  static constexpr std::size_t kPanelRows = 3;
  static constexpr std::size_t kAddedRows = 6;

  static Part load(const float* from) { return _mm256_loadu_ps(from); }
  static Part load(const std::uint16_t* bf16) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bf16));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }
  static __m256i first(std::size_t count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
  }
  static Part load_first(const float* from, std::size_t count) {
    return _mm256_maskload_ps(from, first(count));
  }
  static void store(float* to, Part v) { _mm256_storeu_ps(to, v); }
  static void store_first(float* to, std::size_t count, Part v) {
    _mm256_maskstore_ps(to, first(count), v);
  }
  // Loaded once: the compiler would rather load it again for every product than keep it.
  static Part in_register(Part v) {
    __asm__("" : "+x"(v));
    return v;
  }
  static Part broadcast(float v) { return _mm256_set1_ps(v); }
  static Part fma(Part a, Part b, Part c) { return _mm256_fmadd_ps(a, b, c); }
  static Part add(Part a, Part b) { return _mm256_add_ps(a, b); }
  static Part sub(Part a, Part b) { return _mm256_sub_ps(a, b); }
  static Part mul(Part a, Part b) { return _mm256_mul_ps(a, b); }
  static Part div(Part a, Part b) { return _mm256_div_ps(a, b); }
  static Part min(Part a, Part b) { return _mm256_min_ps(a, b); }
  static Part max(Part a, Part b) { return _mm256_max_ps(a, b); }
  static Part abs(Part v) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), v); }
  static Part copy_sign(Part v, Part sign) {
    return _mm256_or_ps(v, _mm256_and_ps(sign, _mm256_set1_ps(-0.0F)));
  }
  static Part if_less(Part a, Part b, Part then, Part otherwise) {
    return _mm256_blendv_ps(otherwise, then, _mm256_cmp_ps(a, b, _CMP_LT_OQ));
  }
  // 2^n from 1.5 * 2^23 + n.
  static Part power_of_two(Part rounded) {
    const __m256i bits = _mm256_slli_epi32(_mm256_castps_si256(rounded), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(bits, _mm256_set1_epi32(127 << 23)));
  }

  static __m128 four_of(const Part* lanes) {
    const __m256 eight = _mm256_add_ps(lanes[0], lanes[1]);
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  }
  static float sum(const Part* lanes) {
    const __m128 four = four_of(lanes);
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static void sum_four(const Part* a, const Part* b, const Part* c, const Part* d, float* sums) {
    __m128 t0 = four_of(a), t1 = four_of(b), t2 = four_of(c), t3 = four_of(d);
    _MM_TRANSPOSE4_PS(t0, t1, t2, t3);
    _mm_storeu_ps(sums, _mm_add_ps(_mm_add_ps(t0, t2), _mm_add_ps(t1, t3)));
  }
};

}  // namespace

const KernelTable kAvx2Kernels = KernelBody<EightLanes>::table("avx2", runs_here);

}  // namespace rl::language
