#include "rl/core/checksum.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace rl {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78;  // reflected

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1U) ? kPolynomial : 0U);
    table[i] = crc;
  }
  return table;
}

std::uint32_t crc_scalar(std::span<const std::byte> data, std::uint32_t crc) {
  static constexpr auto kTable = make_table();
  for (const std::byte byte : data) {
    crc = (crc >> 8) ^ kTable[(crc ^ static_cast<std::uint32_t>(byte)) & 0xFFU];
  }
  return crc;
}

#if defined(__x86_64__)
constexpr std::size_t kStride = 1024;  // bytes of each of three streams, checksummed side by side

// What kStride zero bytes make of a checksum, one table per byte of it: the step is linear, so the
// results of a checksum's bytes combine by exclusive or.
constexpr std::array<std::array<std::uint32_t, 256>, 4> make_stride_tables() {
  constexpr auto kTable = make_table();
  std::array<std::uint32_t, 32> bits{};  // of the checksums with one bit set
  for (std::uint32_t bit = 0; bit < 32; ++bit) {
    std::uint32_t crc = 1U << bit;
    for (std::size_t i = 0; i < kStride; ++i) crc = (crc >> 8) ^ kTable[crc & 0xFFU];
    bits[bit] = crc;
  }
  std::array<std::array<std::uint32_t, 256>, 4> tables{};
  for (std::uint32_t byte = 0; byte < 4; ++byte) {
    for (std::uint32_t value = 0; value < 256; ++value) {
      for (std::uint32_t bit = 0; bit < 8; ++bit) {
        if ((value >> bit) & 1U) tables[byte][value] ^= bits[8 * byte + bit];
      }
    }
  }
  return tables;
}

std::uint32_t skip_stride(std::uint32_t crc) {
  static constexpr auto kTables = make_stride_tables();
  return kTables[0][crc & 0xFFU] ^ kTables[1][(crc >> 8) & 0xFFU] ^
         kTables[2][(crc >> 16) & 0xFFU] ^ kTables[3][crc >> 24];
}

std::uint64_t word_at(const std::byte* data) {
  std::uint64_t word;
  std::memcpy(&word, data, sizeof word);
  return word;
}

// The instruction takes three cycles but one can start every cycle: three streams, then joined.
__attribute__((target("sse4.2"))) std::uint32_t crc_three_strides(const std::byte* data,
                                                                  std::uint32_t crc) {
  std::uint64_t first = crc, second = 0, third = 0;
  for (std::size_t i = 0; i < kStride; i += 8) {
    first = _mm_crc32_u64(first, word_at(data + i));
    second = _mm_crc32_u64(second, word_at(data + kStride + i));
    third = _mm_crc32_u64(third, word_at(data + 2 * kStride + i));
  }
  const std::uint32_t joined =
      skip_stride(static_cast<std::uint32_t>(first)) ^ static_cast<std::uint32_t>(second);
  return skip_stride(joined) ^ static_cast<std::uint32_t>(third);
}

__attribute__((target("sse4.2"))) std::uint32_t crc_sse42(std::span<const std::byte> data,
                                                          std::uint32_t crc) {
  for (; data.size() >= 3 * kStride; data = data.subspan(3 * kStride)) {
    crc = crc_three_strides(data.data(), crc);
  }
  std::uint64_t wide = crc;
  while (data.size() >= 8) {
    wide = _mm_crc32_u64(wide, word_at(data.data()));
    data = data.subspan(8);
  }
  return crc_scalar(data, static_cast<std::uint32_t>(wide));
}

// The remainder of x^bits, reflected.
constexpr std::uint32_t power_of_x(std::size_t bits) {
  std::uint32_t power = 1U << 31;
  for (std::size_t i = 0; i < bits; ++i) power = (power >> 1) ^ ((power & 1U) ? kPolynomial : 0U);
  return power;
}

// Folding (Gopal et al., Intel 2009): 16 bytes may be replaced by their carry-less product with
// the remainder of x^distance, added `distance` bits further on. Four times four of them at once.
#define RL_FOLDING __attribute__((target("avx512f,avx512vl,vpclmulqdq,pclmul,sse4.2")))
constexpr std::size_t kFold = 256;  // bytes at once

// Factors of the first and second 8 of 16 bytes, for a distance in bits.
template <std::size_t Distance>
struct Factors {
  static constexpr auto kFirst = static_cast<long long>(power_of_x(Distance + 31));
  static constexpr auto kSecond = static_cast<long long>(power_of_x(Distance - 33));
  RL_FOLDING static __m512i of_four() {
    return _mm512_set4_epi64(kSecond, kFirst, kSecond, kFirst);
  }
  RL_FOLDING static __m128i of_one() { return _mm_set_epi64x(kSecond, kFirst); }
};

RL_FOLDING inline __m512i fold(__m512i bytes, __m512i factors, __m512i onto) {
  constexpr int kSumOfThree = 0x96;  // as a truth table of exclusive or
  return _mm512_ternarylogic_epi64(_mm512_clmulepi64_epi128(bytes, factors, 0x00),
                                   _mm512_clmulepi64_epi128(bytes, factors, 0x11), onto,
                                   kSumOfThree);
}

RL_FOLDING inline __m128i fold(__m128i bytes, __m128i factors, __m128i onto) {
  return _mm_xor_si128(_mm_xor_si128(_mm_clmulepi64_si128(bytes, factors, 0x00),
                                     _mm_clmulepi64_si128(bytes, factors, 0x11)),
                       onto);
}

// data.size() >= kFold
RL_FOLDING std::uint32_t crc_folding(std::span<const std::byte> data, std::uint32_t crc) {
  const __m512i far = Factors<8 * kFold>::of_four();
  __m512i x0 = _mm512_loadu_si512(data.data());
  __m512i x1 = _mm512_loadu_si512(data.data() + 64);
  __m512i x2 = _mm512_loadu_si512(data.data() + 128);
  __m512i x3 = _mm512_loadu_si512(data.data() + 192);
  x0 = _mm512_xor_si512(x0, _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(crc))));
  for (data = data.subspan(kFold); data.size() >= kFold; data = data.subspan(kFold)) {
    x0 = fold(x0, far, _mm512_loadu_si512(data.data()));
    x1 = fold(x1, far, _mm512_loadu_si512(data.data() + 64));
    x2 = fold(x2, far, _mm512_loadu_si512(data.data() + 128));
    x3 = fold(x3, far, _mm512_loadu_si512(data.data() + 192));
  }
  const __m512i next = Factors<512>::of_four();
  x3 = fold(fold(fold(x0, next, x1), next, x2), next, x3);
  alignas(64) std::array<std::uint64_t, 8> lanes;
  _mm512_store_si512(lanes.data(), x3);
  const auto lane = [&lanes](std::size_t i) {
    return _mm_set_epi64x(static_cast<long long>(lanes[2 * i + 1]),
                          static_cast<long long>(lanes[2 * i]));
  };
  const __m128i near = Factors<128>::of_one();
  const __m128i last =
      fold(fold(fold(lane(0), near, lane(1)), near, lane(2)), near, lane(3));
  std::uint64_t wide = _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_extract_epi64(last, 0)));
  wide = _mm_crc32_u64(wide, static_cast<std::uint64_t>(_mm_extract_epi64(last, 1)));
  return crc_sse42(data, static_cast<std::uint32_t>(wide));
}

bool can_fold() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("pclmul");
}
#endif

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t seed) {
#if defined(__x86_64__)
  static const bool has_sse42 = __builtin_cpu_supports("sse4.2");
  static const bool folds = has_sse42 && can_fold();
  if (folds && data.size() >= kFold) return ~crc_folding(data, ~seed);
  if (has_sse42) return ~crc_sse42(data, ~seed);
#endif
  return ~crc_scalar(data, ~seed);
}

std::uint64_t fnv1a(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

}  // namespace rl
