# What `cmake --install` lays down: the program, the library with its headers, pkg-config file and CMake
# package, and the plugins. Paths inside are relative, so that the tree works wherever it is moved.

include(CMakePackageConfigHelpers)

set(THAW_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/thaw)

install(TARGETS thaw RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS libthaw EXPORT thawTargets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
foreach(plugin ${THAW_PLUGIN_TARGETS})
    if(TARGET ${plugin})
        install(TARGETS ${plugin} LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}/thaw)
    endif()
endforeach()

install(FILES include/thaw/thaw.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/thaw)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

install(EXPORT thawTargets NAMESPACE thaw:: DESTINATION ${THAW_PACKAGE_DIR})
configure_package_config_file(cmake/thawConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/thawConfig.cmake
    INSTALL_DESTINATION ${THAW_PACKAGE_DIR})
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/thawConfigVersion.cmake
    COMPATIBILITY SameMinorVersion)
install(FILES
    ${CMAKE_CURRENT_BINARY_DIR}/thawConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/thawConfigVersion.cmake
    DESTINATION ${THAW_PACKAGE_DIR})

file(RELATIVE_PATH THAW_PC_TO_PREFIX
    ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" THAW_PC_TO_PREFIX ${THAW_PC_TO_PREFIX})
configure_file(cmake/thaw.pc.in ${CMAKE_CURRENT_BINARY_DIR}/thaw.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/thaw.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

include(cmake/ThawInstallSdk.cmake)
