// Rows of a typed column, converted while they are copied to where a batch wants them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "rl/core/error.h"
#include "rl/core/spec.h"

namespace rl {

// `count` rows of `width` values, `stride` values apart.
template <class Target>
struct Rows {
  Target* first;
  std::size_t stride;
  std::size_t count;
  std::size_t width;
};

template <class Source, class Target>
void convert_rows(const std::byte* source, const Rows<Target>& rows) {
  const auto* values = reinterpret_cast<const Source*>(source);
  for (std::size_t r = 0; r < rows.count; ++r) {
    for (std::size_t i = 0; i < rows.width; ++i) {
      rows.first[r * rows.stride + i] = static_cast<Target>(values[r * rows.width + i]);
    }
  }
}

// From contiguous rows of the tensor's type. Throws Error for types nobody learns from.
// Threads: any.
template <class Target>
void copy_rows(const TensorSpec& tensor, const std::byte* source, const Rows<Target>& rows) {
  switch (tensor.dtype) {
    case DType::u8: return convert_rows<std::uint8_t>(source, rows);
    case DType::i32: return convert_rows<std::int32_t>(source, rows);
    case DType::i64: return convert_rows<std::int64_t>(source, rows);
    case DType::f32: return convert_rows<float>(source, rows);
    case DType::f64: return convert_rows<double>(source, rows);
    case DType::f16:
    case DType::bf16: break;
  }
  throw Error({.where = "batch",
               .what = "column '" + tensor.name + "' cannot be learned from",
               .expected = "u8, i32, i64, f32 or f64",
               .got = std::string(name(tensor.dtype)),
               .remedy = "convert it in the environment"});
}

}  // namespace rl
