# rl_library, rl_program, rl_test: one way to declare a target. Warnings, sanitizers and exports live here.
include(GNUInstallDirs)

add_library(rl_flags INTERFACE)
target_compile_features(rl_flags INTERFACE cxx_std_20)
target_compile_options(rl_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Werror>
  $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-restrict>
  $<$<COMPILE_LANG_AND_ID:CXX,Clang>:-Wno-bitwise-instead-of-logical>)  # branch-free code means it
if(RL_SANITIZE)
  target_compile_options(rl_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=${RL_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all>
    # g++ 12 takes instrumented vector growth for an overflow.
    $<$<COMPILE_LANG_AND_ID:CXX,GNU>:-Wno-stringop-overflow>)
  target_link_options(rl_flags INTERFACE -fsanitize=${RL_SANITIZE})
endif()
if(RL_FUZZ)
  target_compile_options(rl_flags INTERFACE $<$<COMPILE_LANGUAGE:CXX>:-fsanitize=fuzzer-no-link>)
endif()
if(RL_COVERAGE)
  target_compile_options(rl_flags INTERFACE
    $<$<COMPILE_LANGUAGE:CXX>:-fprofile-instr-generate -fcoverage-mapping>)
  target_link_options(rl_flags INTERFACE -fprofile-instr-generate)
endif()

# A user of an installed static library links these nowhere, so the package does not ask for them.
set(RL_HEADER_ONLY Eigen3::Eigen cereal::cereal nlohmann_json::nlohmann_json)

# LibTorch sources share a pool of two jobs: each takes about 1 GB of memory.
function(rl_limit_jobs target)
  if("corral_torch" IN_LIST ARGN AND CMAKE_GENERATOR MATCHES Ninja)
    set_property(TARGET ${target} PROPERTY JOB_POOL_COMPILE torch)
  endif()
endfunction()

# rl_library(name SOURCES ... PUBLIC ... PRIVATE ...): target rl_<name>, alias corral::<name>, installed
# as component <name> of the package.
function(rl_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(rl_${name} STATIC ${ARG_SOURCES})
  add_library(corral::${name} ALIAS rl_${name})
  target_include_directories(rl_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR})
  target_compile_features(rl_${name} PUBLIC cxx_std_20)
  target_link_libraries(rl_${name} PUBLIC ${ARG_PUBLIC} PRIVATE $<BUILD_INTERFACE:rl_flags>)
  foreach(dependency IN LISTS ARG_PRIVATE)
    if(dependency IN_LIST RL_HEADER_ONLY)
      set(dependency $<BUILD_INTERFACE:${dependency}>)
    endif()
    target_link_libraries(rl_${name} PRIVATE ${dependency})
  endforeach()
  set_target_properties(rl_${name} PROPERTIES EXPORT_NAME ${name} OUTPUT_NAME corral_${name}
    POSITION_INDEPENDENT_CODE ON)
  rl_limit_jobs(rl_${name} ${ARG_PUBLIC} ${ARG_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY RL_INSTALL_TARGETS rl_${name})
endfunction()

# rl_program(name SOURCES ... LINK ...): an executable of ours, at build/<preset>/<name>, not installed.
function(rl_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} rl_flags)
  rl_limit_jobs(${name} ${ARG_LINK})
endfunction()

# rl_test(area [TORCH] [TIMEOUT seconds] SOURCES ... LINK ...): adds the area's cases to rl_tests (or
# rl_torch_tests), one ctest entry per source file, named <area>/<file> and labelled light or torch.
# Makes test_<area>, a small program of these cases alone, built only when asked for.
function(rl_test area)
  cmake_parse_arguments(ARG "TORCH" "TIMEOUT" "SOURCES;LINK" ${ARGN})
  set(binary rl_tests)
  set(label light)
  if(ARG_TORCH)
    set(binary rl_torch_tests)
    set(label torch)
  endif()
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()

  set(objects rl_test_objects_${area})
  add_library(${objects} OBJECT ${ARG_SOURCES})
  target_include_directories(${objects} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${objects} PRIVATE RL_TEST_DATA="${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${objects} PUBLIC ${ARG_LINK} PRIVATE doctest::doctest rl_flags)
  # What is tested is optimised; a third of the tests' own compile time is not worth it.
  target_compile_options(${objects} PRIVATE $<$<CONFIG:Release>:-O1>)
  if(ARG_TORCH)
    rl_limit_jobs(${objects} corral_torch)
  endif()
  add_executable(test_${area} EXCLUDE_FROM_ALL)
  target_link_libraries(test_${area} PRIVATE ${objects} rl_test_main rl_flags)
  target_link_libraries(${binary} PRIVATE ${objects})

  cmake_path(RELATIVE_PATH CMAKE_CURRENT_SOURCE_DIR BASE_DIRECTORY ${PROJECT_SOURCE_DIR}
    OUTPUT_VARIABLE folder)
  foreach(source IN LISTS ARG_SOURCES)
    cmake_path(GET source STEM stem)
    add_test(NAME ${area}/${stem} COMMAND ${binary} --source-file=*/${folder}/${source})
    # A file whose cases are all gone must not count as passed.
    set_tests_properties(${area}/${stem} PROPERTIES LABELS ${label} TIMEOUT ${ARG_TIMEOUT}
      FAIL_REGULAR_EXPRESSION "test cases: *0 ")
  endforeach()
endfunction()
