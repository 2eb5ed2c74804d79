# LibTorch from a torch package folder (the one that holds include/ and lib/), without importing
# Python torch and without a CUDA toolkit. The folder is, first found: CORRAL_TORCH (a CMake variable or
# the environment's), then what scripts/bootstrap put into the cache.
#
#   corral_torch             the CPU half: what our libraries link
#   CorralTorch::torch_cpu, CorralTorch::c10            its libraries
#   CorralTorch::torch_cuda, CorralTorch::c10_cuda      with COMPONENTS CUDA, for a program that calls
#                            CUDA functions of LibTorch itself; ours load that half at run time instead
set(CORRAL_TORCH "$ENV{CORRAL_TORCH}" CACHE PATH "torch package folder holding include/ and lib/")
if(DEFINED ENV{CORRAL_CACHE})
  set(_corral_cache $ENV{CORRAL_CACHE})
else()
  set(_corral_cache $ENV{HOME}/.cache/corral)
endif()
set(_corral_torch_folder ${CORRAL_TORCH})
if(NOT CORRAL_TORCH)
  set(_corral_torch_folder ${_corral_cache}/torch-2.11.0/torch)
endif()

find_path(CORRAL_TORCH_INCLUDE ATen/core/Tensor.h NO_DEFAULT_PATH HINTS ${_corral_torch_folder}/include)
set(_corral_torch_required CORRAL_TORCH_INCLUDE)
set(_corral_torch_libraries c10 torch_cpu)
if("CUDA" IN_LIST CorralTorch_FIND_COMPONENTS)
  list(APPEND _corral_torch_libraries c10_cuda torch_cuda)
endif()
foreach(_library IN LISTS _corral_torch_libraries)
  find_library(CORRAL_TORCH_LIBRARY_${_library} ${_library} NO_DEFAULT_PATH HINTS ${_corral_torch_folder}/lib)
  mark_as_advanced(CORRAL_TORCH_LIBRARY_${_library})
  if(NOT _library MATCHES cuda)
    list(APPEND _corral_torch_required CORRAL_TORCH_LIBRARY_${_library})
  endif()
endforeach()
mark_as_advanced(CORRAL_TORCH_INCLUDE)
if(CORRAL_TORCH_LIBRARY_c10_cuda AND CORRAL_TORCH_LIBRARY_torch_cuda)
  set(CorralTorch_CUDA_FOUND TRUE)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(CorralTorch
  REASON_FAILURE_MESSAGE "looked in ${_corral_torch_folder}, run scripts/bootstrap, or set CORRAL_TORCH to a torch package folder, or configure with -DRL_WITH_TORCH=OFF"
  REQUIRED_VARS ${_corral_torch_required} HANDLE_COMPONENTS)

if(CorralTorch_FOUND)
  foreach(_library IN LISTS _corral_torch_libraries)
    if(CORRAL_TORCH_LIBRARY_${_library} AND NOT TARGET CorralTorch::${_library})
      add_library(CorralTorch::${_library} SHARED IMPORTED)
      set_target_properties(CorralTorch::${_library} PROPERTIES
        IMPORTED_LOCATION ${CORRAL_TORCH_LIBRARY_${_library}}
        INTERFACE_INCLUDE_DIRECTORIES "${CORRAL_TORCH_INCLUDE};${CORRAL_TORCH_INCLUDE}/torch/csrc/api/include"
        INTERFACE_COMPILE_DEFINITIONS AT_PER_OPERATOR_HEADERS)
    endif()
  endforeach()
  if(NOT TARGET corral_torch)
    add_library(corral_torch INTERFACE IMPORTED)
    # LibTorch finds its own libraries by the run path of the program, which only the old tag hands on.
    set_target_properties(corral_torch PROPERTIES
      INTERFACE_LINK_LIBRARIES "CorralTorch::torch_cpu;CorralTorch::c10"
      INTERFACE_LINK_OPTIONS "-Wl,--disable-new-dtags;-Wl,--allow-shlib-undefined")
  endif()
endif()
