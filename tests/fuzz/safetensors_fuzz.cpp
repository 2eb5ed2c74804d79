// Any bytes as a safetensors image: refused, or tensors that lie within it and are written again.
#include "fuzz/target.h"
#include "rl/formats/safetensors.h"

using namespace rl;
using namespace rl::fuzz;

RL_FUZZ_TARGET(safetensors) {
  answers([&] {
    const SafetensorsView view(input, "fuzz");
    for (const TensorView& tensor : view.tensors()) {
      require(tensor.data.empty() || (tensor.data.data() >= input.data() &&
                                      tensor.data.data() + tensor.data.size() <=
                                          input.data() + input.size()),
              "a tensor lies within the image");
      require(&view.require(tensor.name) == &tensor, "a tensor is found by its name");
      answers([&] { (void)view.values<float>(tensor.name, tensor.shape); });
    }
    const Bytes written = write_safetensors(view.tensors(), view.metadata());
    const SafetensorsView again(written, "written");
    require(again.tensors().size() == view.tensors().size() && again.metadata() == view.metadata(),
            "what was read is written whole");
  });
}
