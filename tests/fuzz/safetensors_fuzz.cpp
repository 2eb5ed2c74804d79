// Any bytes as a safetensors image: an Error or a view whose tensors lie within the image.
#include <cstdlib>

#include "rl/core/error.h"
#include "rl/formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto image = std::as_bytes(std::span(data, size));
  try {
    const rl::SafetensorsView view(image, "fuzz");
    for (const rl::TensorView& tensor : view.tensors()) {
      if (tensor.data.empty()) continue;
      const bool inside = tensor.data.data() >= image.data() &&
                          tensor.data.data() + tensor.data.size() <= image.data() + image.size();
      if (!inside) std::abort();
    }
  } catch (const rl::Error&) {
  }
  return 0;
}
