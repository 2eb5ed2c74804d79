# LibTorch from a torch package folder (the one that holds include/ and lib/), without importing Python torch.
# Looked for in: -DCORRAL_TORCH, the environment's CORRAL_TORCH, scripts/bootstrap's cache.
# Gives corral_torch (libtorch_cpu + libc10). The CUDA half is loaded at run time, when a learner asks for it.
set(CORRAL_TORCH "$ENV{CORRAL_TORCH}" CACHE PATH "torch package folder holding include/ and lib/")
set(_cache $ENV{CORRAL_CACHE})
if(NOT _cache)
  set(_cache $ENV{HOME}/.cache/corral)
endif()
find_path(CORRAL_TORCH_INCLUDE ATen/core/Tensor.h NO_DEFAULT_PATH
  HINTS ${CORRAL_TORCH}/include ${_cache}/torch-2.11.0/torch/include)
find_library(CORRAL_TORCH_CPU torch_cpu NO_DEFAULT_PATH HINTS ${CORRAL_TORCH}/lib ${_cache}/torch-2.11.0/torch/lib)
find_library(CORRAL_TORCH_C10 c10 NO_DEFAULT_PATH HINTS ${CORRAL_TORCH}/lib ${_cache}/torch-2.11.0/torch/lib)
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CorralTorch
  REASON_FAILURE_MESSAGE "run scripts/bootstrap, or set CORRAL_TORCH to a torch package folder, or configure with -DRL_WITH_TORCH=OFF"
  REQUIRED_VARS CORRAL_TORCH_INCLUDE CORRAL_TORCH_CPU CORRAL_TORCH_C10)
if(CorralTorch_FOUND AND NOT TARGET corral_torch)
  get_filename_component(_lib ${CORRAL_TORCH_CPU} DIRECTORY)
  add_library(corral_torch INTERFACE IMPORTED)
  target_include_directories(corral_torch SYSTEM INTERFACE
    ${CORRAL_TORCH_INCLUDE} ${CORRAL_TORCH_INCLUDE}/torch/csrc/api/include)
  target_compile_definitions(corral_torch INTERFACE AT_PER_OPERATOR_HEADERS)
  target_link_libraries(corral_torch INTERFACE ${CORRAL_TORCH_CPU} ${CORRAL_TORCH_C10})
  target_link_options(corral_torch INTERFACE
    -Wl,-rpath,${_lib} -Wl,--disable-new-dtags -Wl,--allow-shlib-undefined)
endif()
