# Installs the build into a scratch folder, then builds examples/consumer against it as a user would,
# with LibTorch out of reach, and runs it.
cmake_minimum_required(VERSION 3.25)
set(prefix ${SCRATCH}/installed)
file(REMOVE_RECURSE ${SCRATCH})

# run(what COMMAND ...): stops the test when the command fails; its output is in `output`.
macro(run what)
  execute_process(${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output TIMEOUT 120)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${what} failed (${result}):\n${output}")
  endif()
endmacro()

macro(expect text)
  string(FIND "${output}" "${text}" position)
  if(position EQUAL -1)
    message(FATAL_ERROR "expected '${text}' in:\n${output}")
  endif()
endmacro()

set(flags "")
if(SANITIZE)
  set(flags -fsanitize=${SANITIZE})
endif()
set(configure ${CMAKE_COMMAND} -G Ninja -DCMAKE_PREFIX_PATH=${prefix} -DCMAKE_BUILD_TYPE=Release
  -DCMAKE_CXX_COMPILER=${CXX} -DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} -DCMAKE_CXX_FLAGS=${flags})
set(without_torch -DCMAKE_DISABLE_FIND_PACKAGE_CorralTorch=ON)

run("installing" COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix})
run("configuring the consumer" COMMAND ${configure} ${without_torch} -S ${ROOT}/examples/consumer -B ${SCRATCH}/build)
run("building the consumer" COMMAND ${CMAKE_COMMAND} --build ${SCRATCH}/build)

run("reading the consumer's libraries" COMMAND ldd ${SCRATCH}/build/simulator)
if(output MATCHES "torch|c10|cuda|pcre|utf8proc|not found")
  message(FATAL_ERROR "the consumer must link neither LibTorch, CUDA nor what language models need:\n${output}")
endif()

# Nobody listens at this address, so the simulator ends by itself and says what is missing.
execute_process(COMMAND ${SCRATCH}/build/simulator ipc://@/corral-consumer-test
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output TIMEOUT 60)
if(NOT result EQUAL 1)
  message(FATAL_ERROR "without a learner the simulator gave ${result}:\n${output}")
endif()
expect("corral-consumer-test")

# A component that is not installed is named, with those that are.
file(WRITE ${SCRATCH}/unknown/CMakeLists.txt "cmake_minimum_required(VERSION 3.25)
project(unknown LANGUAGES CXX)
find_package(corral REQUIRED COMPONENTS rolout)\n")
execute_process(COMMAND ${configure} ${without_torch} -S ${SCRATCH}/unknown -B ${SCRATCH}/unknown/build
  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result EQUAL 0)
  message(FATAL_ERROR "an unknown component was accepted")
endif()
expect("there is no component 'rolout'")
