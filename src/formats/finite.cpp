#include "rl/formats/finite.h"

#include <cstdint>
#include <cstring>

#include "rl/formats/safetensors.h"

namespace rl {
namespace {

// A float is an infinity or NaN when all bits of its exponent are set. The loop has no branch, so
// that it runs at the speed of memory.
template <class T>
bool all_finite(std::span<const std::byte> data, T exponent) {
  bool finite = true;
  for (std::size_t at = 0; at < data.size(); at += sizeof(T)) {
    T bits;
    std::memcpy(&bits, data.data() + at, sizeof(T));
    finite &= (bits & exponent) != exponent;
  }
  return finite;
}

bool is_finite(const TensorView& tensor) {
  switch (tensor.dtype) {
    case DType::f64: return all_finite<std::uint64_t>(tensor.data, 0x7FF0000000000000U);
    case DType::f32: return all_finite<std::uint32_t>(tensor.data, 0x7F800000U);
    case DType::f16: return all_finite<std::uint16_t>(tensor.data, 0x7C00U);
    case DType::bf16: return all_finite<std::uint16_t>(tensor.data, 0x7F80U);
    default: return true;
  }
}

}  // namespace

std::string find_non_finite(std::span<const std::byte> image, std::string_view where) {
  const SafetensorsView view(image, where);
  for (const TensorView& tensor : view.tensors()) {
    if (!is_finite(tensor)) return tensor.name;
  }
  return {};
}

}  // namespace rl
