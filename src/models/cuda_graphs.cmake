# CUDA graphs for the device generator: a shared library that rl_models opens at run time, where LibTorch's
# CUDA half and its toolkit's headers are there to build it.
set(graphs_version ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
target_compile_definitions(rl_models PRIVATE
  RL_CUDA_GRAPHS_LIBRARY="libcorral_cuda_graphs.so.${graphs_version}")
if(NOT RL_WITH_CUDA)
  return()
endif()
find_package(CorralTorch OPTIONAL_COMPONENTS CUDA)
if(NOT CorralTorch_CUDA_FOUND)
  return()
endif()
find_package(CUDAToolkit REQUIRED)

add_library(rl_cuda_graphs SHARED language/cuda_graphs.cpp)
target_include_directories(rl_cuda_graphs PRIVATE ${PROJECT_SOURCE_DIR})
target_include_directories(rl_cuda_graphs SYSTEM PRIVATE ${CUDAToolkit_INCLUDE_DIRS})
target_link_libraries(rl_cuda_graphs PRIVATE
  CorralTorch::torch_cuda CorralTorch::c10_cuda corral_torch rl_flags)
rl_limit_jobs(rl_cuda_graphs corral_torch)
# Beside libcorral_cuda_kernels: the programs that link that one look there.
set_target_properties(rl_cuda_graphs PROPERTIES OUTPUT_NAME corral_cuda_graphs CXX_VISIBILITY_PRESET hidden
  LIBRARY_OUTPUT_DIRECTORY $<TARGET_FILE_DIR:rl_cuda_kernels>
  VERSION ${PROJECT_VERSION} SOVERSION ${graphs_version})
add_dependencies(rl_models rl_cuda_graphs)
