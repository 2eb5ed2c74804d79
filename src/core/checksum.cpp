#include "rl/core/checksum.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
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
#endif

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> data, std::uint32_t seed) {
#if defined(__x86_64__)
  static const bool has_sse42 = __builtin_cpu_supports("sse4.2");
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
