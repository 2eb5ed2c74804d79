# rl_library, rl_program, rl_test: one way to declare a target. Warnings, sanitizers and exports live here.
include(GNUInstallDirs)

add_library(rl_flags INTERFACE)
target_compile_features(rl_flags INTERFACE cxx_std_20)
target_compile_options(rl_flags INTERFACE
  $<$<COMPILE_LANGUAGE:CXX>:-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wno-restrict -Werror>)
if(RL_SANITIZE)
  target_compile_options(rl_flags INTERFACE -fsanitize=${RL_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(rl_flags INTERFACE -fsanitize=${RL_SANITIZE})
endif()

# rl_library(name SOURCES ... PUBLIC ... PRIVATE ...): target rl_<name>, alias corral::<name>.
function(rl_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(rl_${name} ${ARG_SOURCES})
  add_library(corral::${name} ALIAS rl_${name})
  target_include_directories(rl_${name}
    PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(rl_${name} PUBLIC ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE} $<BUILD_INTERFACE:rl_flags>)
  set_target_properties(rl_${name} PROPERTIES EXPORT_NAME ${name} OUTPUT_NAME corral_${name}
    POSITION_INDEPENDENT_CODE ON)
  set_property(GLOBAL APPEND PROPERTY RL_INSTALL_TARGETS rl_${name})
endfunction()

# rl_program(name SOURCES ... LINK ...): an executable of ours, not installed.
function(rl_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR})
  target_link_libraries(${name} PRIVATE ${ARG_LINK} rl_flags)
endfunction()

# rl_test(area [TORCH] SOURCES ... LINK ...): adds the area's cases to rl_tests (or rl_torch_tests), and
# makes test_<area>, a small program of these cases alone, built only when asked for.
function(rl_test area)
  cmake_parse_arguments(ARG "TORCH" "" "SOURCES;LINK" ${ARGN})
  set(objects rl_test_objects_${area})
  add_library(${objects} OBJECT ${ARG_SOURCES})
  target_include_directories(${objects} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${objects} PRIVATE RL_TEST_DATA="${PROJECT_SOURCE_DIR}/tests")
  target_link_libraries(${objects} PUBLIC ${ARG_LINK} PRIVATE doctest::doctest rl_flags)
  add_executable(test_${area} EXCLUDE_FROM_ALL)
  target_link_libraries(test_${area} PRIVATE ${objects} rl_test_main rl_flags)
  if(ARG_TORCH)
    target_link_libraries(rl_torch_tests PRIVATE ${objects})
  else()
    target_link_libraries(rl_tests PRIVATE ${objects})
  endif()
endfunction()
