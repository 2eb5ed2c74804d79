#include "learner/updates/device.h"

#include "rl/core/error.h"
#include "rl/cuda/runtime.h"

namespace rl {

c10::Device open_device(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  if (name == "cuda") {
    cuda::load();
    return c10::Device(c10::kCUDA, 0);
  }
  throw Error({.where = "device", .what = "unknown device", .expected = "cpu or cuda",
               .got = name});
}

}  // namespace rl
