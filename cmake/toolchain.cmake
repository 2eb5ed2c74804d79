# How a build of Corral itself runs: build type, ccache, linker, where programs land, how many heavy
# compiles at once. A project that includes Corral by add_subdirectory keeps its own choices.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "Debug, Release, RelWithDebInfo or MinSizeRel" FORCE)
endif()
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR})  # build/<preset>/corral, companions beside it
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
set(CMAKE_INSTALL_RPATH $ORIGIN/../lib)

find_program(RL_CCACHE ccache)
mark_as_advanced(RL_CCACHE)
if(RL_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${RL_CCACHE})
  set(CMAKE_CUDA_COMPILER_LAUNCHER ${RL_CCACHE})
endif()

include(CheckLinkerFlag)
foreach(linker mold lld)
  check_linker_flag(CXX -fuse-ld=${linker} RL_HAS_${linker})
  if(RL_HAS_${linker})
    add_link_options($<$<LINK_LANGUAGE:CXX>:-fuse-ld=${linker}>)
    break()
  endif()
endforeach()

# A LibTorch source needs about 1 GB to compile.
set_property(GLOBAL PROPERTY JOB_POOLS torch=2)
