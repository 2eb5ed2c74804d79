#include "rl/cuda/runtime.h"

#include <dlfcn.h>
#include <link.h>

#include <filesystem>
#include <string_view>

#include "rl/core/error.h"

namespace rl::cuda {
namespace {

// The two functions of the driver this needs, by their C signatures in cuda.h; CUresult 0 is
// success.
using InitFunction = int (*)(unsigned flags);
using CountFunction = int (*)(int* count);

// The driver stays loaded: what it starts at the first call cannot be unloaded.
std::string probe_driver() {
  void* driver = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (driver == nullptr) return "the NVIDIA driver (libcuda.so.1) is not installed";
  const auto init = reinterpret_cast<InitFunction>(dlsym(driver, "cuInit"));
  const auto count_devices = reinterpret_cast<CountFunction>(dlsym(driver, "cuDeviceGetCount"));
  if (init == nullptr || count_devices == nullptr) return "libcuda.so.1 is not a CUDA driver";
  if (const int error = init(0); error != 0) {
    return "the NVIDIA driver does not start (cuInit gives " + std::to_string(error) + ")";
  }
  int count = 0;
  if (count_devices(&count) != 0 || count == 0) return "the NVIDIA driver sees no GPU";
  return {};
}

const std::string& driver_state() {
  static const std::string reason = probe_driver();
  return reason;
}

int keep_torch_path(dl_phdr_info* info, std::size_t, void* result) {
  constexpr std::string_view kName = "libtorch_cpu.so";
  const std::filesystem::path path = info->dlpi_name;
  if (path.filename() != kName) return 0;
  *static_cast<std::filesystem::path*>(result) = path;
  return 1;
}

std::filesystem::path torch_folder() {
  std::filesystem::path library;
  dl_iterate_phdr(keep_torch_path, &library);
  if (library.empty()) {
    throw Error({.where = "cuda::load",
                 .what = "this program does not use LibTorch",
                 .expected = "libtorch_cpu.so among its libraries",
                 .remedy = "link corral::learner or corral::models"});
  }
  return library.parent_path();
}

void load_once() {
  if (!available()) {
    throw Error({.where = "cuda::load",
                 .what = "no GPU can be used",
                 .got = unavailable_reason(),
                 .remedy = "use --device cpu, or install the NVIDIA driver for this GPU"});
  }
  const std::string library = torch_folder() / "libtorch_cuda.so";
  if (dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw Error({.where = "cuda::load",
                 .what = "LibTorch's CUDA half does not load",
                 .got = dlerror(),
                 .remedy = "run scripts/bootstrap --cuda, or set CORRAL_TORCH to a torch package "
                           "folder built for CUDA"});
  }
}

}  // namespace

bool available() {
  return driver_state().empty();
}

std::string unavailable_reason() {
  return driver_state();
}

void load() {
  [[maybe_unused]] static const bool loaded = (load_once(), true);
}

}  // namespace rl::cuda
