#include "src/language/element_types.h"

#include <cmath>
#include <cstring>

#include "rl/core/error.h"

namespace rl::language {
namespace {

float load(const std::byte* at, DType dtype) {
  if (dtype == DType::f32) {
    float value;
    std::memcpy(&value, at, sizeof(value));
    return value;
  }
  std::uint16_t bits;
  std::memcpy(&bits, at, sizeof(bits));
  return dtype == DType::bf16 ? bf16_to_f32(bits) : f16_to_f32(bits);
}

void store(float value, std::byte* at, DType dtype) {
  if (dtype == DType::f32) {
    std::memcpy(at, &value, sizeof(value));
    return;
  }
  const std::uint16_t bits = dtype == DType::bf16 ? f32_to_bf16(value) : f32_to_f16(value);
  std::memcpy(at, &bits, sizeof(bits));
}

bool is_float(DType dtype) {
  return dtype == DType::f32 || dtype == DType::bf16 || dtype == DType::f16;
}

}  // namespace

float f16_to_f32(std::uint16_t bits) {
  const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x8000) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1F;
  const std::uint32_t fraction = bits & 0x3FF;
  if (exponent == 0) {  // zero or subnormal: fraction * 2^-24, exact
    const float value = static_cast<float>(fraction) * 0x1p-24F;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) | sign);
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | (wide << 23) | (fraction << 13));
}

std::uint16_t f32_to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>((bits >> 16) & 0x8000);
  const std::uint32_t size = bits & 0x7FFFFFFF;
  if (size > 0x7F800000) return static_cast<std::uint16_t>(sign | 0x7E00);   // NaN
  if (size >= 0x477FF000) return static_cast<std::uint16_t>(sign | 0x7C00);  // 65520 and more
  if (size < 0x38800000) {  // below 2^-14: a multiple of 2^-24, rounded to nearest even
    const float scaled = std::bit_cast<float>(size) * 0x1p24F;
    return static_cast<std::uint16_t>(sign | static_cast<std::uint16_t>(std::nearbyint(scaled)));
  }
  const std::uint32_t rebased = size - (112U << 23);
  return static_cast<std::uint16_t>(sign | ((rebased + 0xFFF + ((rebased >> 13) & 1)) >> 13));
}

std::size_t convert(std::span<const std::byte> from, DType from_dtype, std::span<std::byte> into,
                    DType into_dtype) {
  if (!is_float(from_dtype) || !is_float(into_dtype)) {
    throw Error({.where = "model weights",
                 .what = "this element type cannot be converted",
                 .expected = "f32, bf16 or f16",
                 .got = std::string(name(is_float(from_dtype) ? into_dtype : from_dtype))});
  }
  if (from_dtype == into_dtype) {
    if (!from.empty()) std::memcpy(into.data(), from.data(), from.size());
    return 0;
  }
  const std::size_t from_size = size_bytes(from_dtype);
  const std::size_t into_size = size_bytes(into_dtype);
  std::size_t overflows = 0;
  for (std::size_t i = 0; i < from.size() / from_size; ++i) {
    const float value = load(from.data() + i * from_size, from_dtype);
    std::byte* const at = into.data() + i * into_size;
    store(value, at, into_dtype);
    if (std::isfinite(value) && std::isinf(load(at, into_dtype))) ++overflows;
  }
  return overflows;
}

}  // namespace rl::language
