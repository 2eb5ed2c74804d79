# cmake -DSCRATCH=<folder> -P violations_test.cmake: layering_test.cmake must catch each kind of
# violation, name its place, and accept the tree without it.
cmake_minimum_required(VERSION 3.25)

# expect(text path content): a tree with this one file beside good ones fails with `text`.
function(expect text path content)
  file(REMOVE_RECURSE ${SCRATCH})
  file(WRITE ${SCRATCH}/include/rl/core/error.h "#pragma once\n#include <string>\n")
  file(WRITE ${SCRATCH}/src/core/error.cpp "#include \"rl/core/error.h\"\n")
  if(path)
    file(WRITE ${SCRATCH}/${path} "${content}")
  endif()
  execute_process(COMMAND ${CMAKE_COMMAND} -DROOT=${SCRATCH} -P ${CMAKE_CURRENT_LIST_DIR}/layering_test.cmake
    RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(FIND "${output}" "${text}" position)
  if(position EQUAL -1 OR (path AND result EQUAL 0) OR (NOT path AND NOT result EQUAL 0))
    message(FATAL_ERROR "expected '${text}' from ${path}, got status ${result}:\n${output}")
  endif()
endfunction()

expect("2 includes follow the layers" "" "")
expect("src/core/up.cpp:3: core must not use envs" src/core/up.cpp
  "// One\n// Two\n#include \"rl/envs/environment.h\"\n")
expect("include/rl/envs/a.h:1: envs must not use replay" include/rl/envs/a.h "#include <rl/replay/table.h>\n")
expect("rollout/a.cpp:1: src/transport/envelope.h is private to transport" rollout/a.cpp
  "#include \"src/transport/envelope.h\"\n")
expect("include/rl/transport/a.h:2: a public header must not include zmq.hpp" include/rl/transport/a.h
  "#pragma once\n#include <zmq.hpp>\n")
expect("include/rl/core/a.h:1: a public header must not include fmt/format.h" include/rl/core/a.h
  "#include <fmt/format.h>\n")
expect("src/replay/a.cpp:1: zmq.hpp may be included only in: transport" src/replay/a.cpp "#include <zmq.hpp>\n")
expect("envs/a.cpp:1: ATen/ATen.h may be included only in" envs/a.cpp "#include <ATen/ATen.h>\n")
expect("include/rl/models/a.h:1: a public header must not include ATen/ATen.h" include/rl/models/a.h
  "#include <ATen/ATen.h>\n")
expect("learner/a.cpp:1: torch/torch.h costs" learner/a.cpp "#include <torch/torch.h>\n")
expect("tests/models/a_test.cpp:2: a test that uses LibTorch includes" tests/models/a_test.cpp
  "#include <ATen/ATen.h>\n#include <doctest/doctest.h>\n")
expect("include/rl/novel: not a layer" include/rl/novel/a.h "#pragma once\n")
