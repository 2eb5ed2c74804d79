// The 16-bit forms of a float.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

#include "rl/core/bytes.h"
#include "rl/core/spec.h"

namespace rl::language {

inline float bf16_to_f32(std::uint16_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}

// To nearest, ties to even; a NaN stays one.
inline std::uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if (value != value) return static_cast<std::uint16_t>((bits >> 16) | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

float f16_to_f32(std::uint16_t bits);
std::uint16_t f32_to_f16(float value);  // to nearest, ties to even; too large becomes infinite

// `from` to f32, bf16 or f16. Both are whole elements; `into` has the same number of them.
// Returns how many finite values became infinite, since the other type does not reach so far.
std::size_t convert(std::span<const std::byte> from, DType from_dtype, std::span<std::byte> into,
                    DType into_dtype);

}  // namespace rl::language
