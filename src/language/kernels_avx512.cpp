#include <immintrin.h>

#include "src/language/kernel_body.h"

namespace rl::language {
namespace {

bool runs_here() {
  return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
}

struct SixteenLanes {
  using Part = __m512;
  static constexpr std::size_t kPartWidth = 16;
  static constexpr std::size_t kRows = 6;
  static constexpr std::size_t kFewRows = 4;
  static constexpr std::size_t kColumns = 4;
  static constexpr std::size_t kSingleColumns = 8;
  static constexpr std::size_t kWeightedColumns = 4;
  static constexpr std::size_t kPanelParts = 2;
  static constexpr std::size_t kLanesAtOnce = 4;
  static constexpr std::size_t kPanelRows = 3;
  static constexpr std::size_t kAddedRows = 12;

  static Part load(const float* from) { return _mm512_loadu_ps(from); }
  static Part load(const std::uint16_t* bf16) {
    // One permutation puts half i above zeros in lane i; widening and shifting would be two steps.
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bf16));
    const __m512i twice = _mm512_set_epi16(15, 15, 14, 14, 13, 13, 12, 12, 11, 11, 10, 10, 9, 9, 8,
                                           8, 7, 7, 6, 6, 5, 5, 4, 4, 3, 3, 2, 2, 1, 1, 0, 0);
    return _mm512_castsi512_ps(
        _mm512_maskz_permutexvar_epi16(0xAAAAAAAAU, twice, _mm512_castsi256_si512(halves)));
  }
  static __mmask16 first(std::size_t count) {
    return static_cast<__mmask16>((1U << count) - 1U);
  }
  static Part load_first(const float* from, std::size_t count) {
    return _mm512_maskz_loadu_ps(first(count), from);
  }
  static void store(float* to, Part v) { _mm512_storeu_ps(to, v); }
  static void store_first(float* to, std::size_t count, Part v) {
    _mm512_mask_storeu_ps(to, first(count), v);
  }
  // Loaded once: the compiler would rather load it again for every product than keep it.
  static Part in_register(Part v) {
    __asm__("" : "+v"(v));
    return v;
  }
  static Part broadcast(float v) { return _mm512_set1_ps(v); }
  static Part fma(Part a, Part b, Part c) { return _mm512_fmadd_ps(a, b, c); }
  static Part add(Part a, Part b) { return _mm512_add_ps(a, b); }
  static Part sub(Part a, Part b) { return _mm512_sub_ps(a, b); }
  static Part mul(Part a, Part b) { return _mm512_mul_ps(a, b); }
  static Part div(Part a, Part b) { return _mm512_div_ps(a, b); }
  static Part min(Part a, Part b) { return _mm512_min_ps(a, b); }
  static Part max(Part a, Part b) { return _mm512_max_ps(a, b); }
  static Part abs(Part v) { return _mm512_abs_ps(v); }
  static Part copy_sign(Part v, Part sign) {
    const __m512i mask = _mm512_set1_epi32(static_cast<int>(0x80000000U));
    return _mm512_castsi512_ps(_mm512_or_si512(
        _mm512_castps_si512(v), _mm512_and_si512(_mm512_castps_si512(sign), mask)));
  }
  static Part if_less(Part a, Part b, Part then, Part otherwise) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), otherwise, then);
  }
  // 2^n from 1.5 * 2^23 + n.
  static Part power_of_two(Part rounded) {
    const __m512i bits = _mm512_slli_epi32(_mm512_castps_si512(rounded), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(bits, _mm512_set1_epi32(127 << 23)));
  }

  static __m128 four_of(const Part* lanes) {
    const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(lanes[0]), 1));
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(lanes[0]), high);
    return _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  }
  static float sum(const Part* lanes) {
    const __m128 four = four_of(lanes);
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  // Each addition of the tree for two, then four vectors at once.
  static Part halves_added(Part a, Part b) {  // [a's 8 sums, b's 8 sums]
    return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xEE));
  }
  static void sum_four(const Part* a, const Part* b, const Part* c, const Part* d, float* sums) {
    const Part ab = halves_added(a[0], b[0]);
    const Part cd = halves_added(c[0], d[0]);
    const Part fours = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88),
                                     _mm512_shuffle_f32x4(ab, cd, 0xDD));
    const Part twos = _mm512_add_ps(fours, _mm512_permute_ps(fours, 0x4E));
    const Part ones = _mm512_add_ps(twos, _mm512_permute_ps(twos, 0xB1));
    const __m512i firsts = _mm512_setr_epi32(0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12, 0, 4, 8, 12);
    _mm_storeu_ps(sums, _mm512_castps512_ps128(_mm512_permutexvar_ps(firsts, ones)));
  }
};

}  // namespace

const KernelTable kAvx512Kernels = KernelBody<SixteenLanes>::table("avx512", runs_here);

}  // namespace rl::language
