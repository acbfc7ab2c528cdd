# What the author of a plugin needs, as a component of its own (`cmake --install build --component sdk`): the
# headers, the template, the manual, a CMake package and a pkg-config file. Its version is that of the ABI.

set(THAW_SDK_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/thaw-sdk)
set(THAW_SDK_TEMPLATE_DIR ${CMAKE_INSTALL_DATADIR}/thaw/template)
set(THAW_SDK_PLUGIN_DIR ${CMAKE_INSTALL_LIBDIR}/thaw)

function(thaw_abi_version part out)
    file(STRINGS ${PROJECT_SOURCE_DIR}/plugins/sdk/thaw_plugin.h line REGEX "#define THAW_ABI_${part} [0-9]+u")
    string(REGEX REPLACE ".*THAW_ABI_${part} ([0-9]+)u.*" "\\1" number "${line}")
    set(${out} ${number} PARENT_SCOPE)
endfunction()
thaw_abi_version(MAJOR THAW_ABI_MAJOR)
thaw_abi_version(MINOR THAW_ABI_MINOR)
set(THAW_ABI_VERSION ${THAW_ABI_MAJOR}.${THAW_ABI_MINOR})

install(TARGETS thaw_sdk EXPORT thaw-sdkTargets)
install(FILES
    plugins/sdk/thaw_status.h
    plugins/sdk/thaw_plugin.h
    plugins/sdk/thaw_ops.h
    plugins/sdk/thaw_ext.h
    DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/thaw COMPONENT sdk)
install(DIRECTORY plugins/template/ DESTINATION ${THAW_SDK_TEMPLATE_DIR} COMPONENT sdk
    PATTERN build EXCLUDE)
install(FILES LICENSE docs/plugins.md docs/plugin-abi.md docs/check.md docs/tracing.md docs/benchmarking.md
    DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT sdk)

install(EXPORT thaw-sdkTargets NAMESPACE thaw:: DESTINATION ${THAW_SDK_PACKAGE_DIR} COMPONENT sdk)
configure_package_config_file(cmake/thaw-sdkConfig.cmake.in ${CMAKE_CURRENT_BINARY_DIR}/thaw-sdkConfig.cmake
    INSTALL_DESTINATION ${THAW_SDK_PACKAGE_DIR}
    PATH_VARS THAW_SDK_TEMPLATE_DIR THAW_SDK_PLUGIN_DIR CMAKE_INSTALL_BINDIR)
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/thaw-sdkConfigVersion.cmake
    VERSION ${THAW_ABI_VERSION} COMPATIBILITY SameMajorVersion ARCH_INDEPENDENT)
install(FILES
    ${CMAKE_CURRENT_BINARY_DIR}/thaw-sdkConfig.cmake
    ${CMAKE_CURRENT_BINARY_DIR}/thaw-sdkConfigVersion.cmake
    DESTINATION ${THAW_SDK_PACKAGE_DIR} COMPONENT sdk)

configure_file(cmake/thaw-sdk.pc.in ${CMAKE_CURRENT_BINARY_DIR}/thaw-sdk.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/thaw-sdk.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT sdk)
