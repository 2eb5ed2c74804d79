# cmake --install: the libraries as components of the package `corral`, their headers, the program.
include(CMakePackageConfigHelpers)
set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/corral)
get_property(libraries GLOBAL PROPERTY RL_INSTALL_TARGETS)
list(TRANSFORM libraries REPLACE "^rl_" "" OUTPUT_VARIABLE RL_COMPONENTS)
install(TARGETS ${libraries} EXPORT corralTargets)
install(DIRECTORY include/rl DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT corralTargets NAMESPACE corral:: DESTINATION ${package_folder})

configure_package_config_file(cmake/corralConfig.cmake.in corralConfig.cmake
  INSTALL_DESTINATION ${package_folder} NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(corralConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/corralConfig.cmake ${PROJECT_BINARY_DIR}/corralConfigVersion.cmake
  cmake/FindCorralTorch.cmake DESTINATION ${package_folder})
# The last is opened by programs at run time; nobody links it.
foreach(target corral corral-learner rl_cuda_graphs)
  if(TARGET ${target})
    install(TARGETS ${target})
  endif()
endforeach()
