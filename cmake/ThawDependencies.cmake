# Libraries that thaw stands on. Each becomes an imported target.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(CJSON REQUIRED IMPORTED_TARGET libcjson)
pkg_check_modules(LIBZIP REQUIRED IMPORTED_TARGET libzip)
pkg_check_modules(HDF5 REQUIRED IMPORTED_TARGET hdf5)
# The oldest HDF5 in use is 1.10; newer ones keep its meanings on request.
target_compile_definitions(PkgConfig::HDF5 INTERFACE H5_USE_110_API)
pkg_check_modules(XXHASH REQUIRED IMPORTED_TARGET libxxhash)
pkg_check_modules(PNG REQUIRED IMPORTED_TARGET libpng)
find_package(GIF REQUIRED)
# Optional: decodes JPEG exactly as TensorFlow does; stb_image does it otherwise.
pkg_check_modules(JPEG IMPORTED_TARGET libjpeg)

find_path(STB_INCLUDE_DIR stb_image.h PATH_SUFFIXES stb)
if(NOT STB_INCLUDE_DIR)
    message(FATAL_ERROR "stb_image.h not found: install libstb-dev")
endif()

# Headers alone: the OpenCL backend opens the library at run time.
find_path(OPENCL_INCLUDE_DIR CL/cl.h)
if(OPENCL_INCLUDE_DIR)
    add_library(OpenCL::Headers INTERFACE IMPORTED)
    target_include_directories(OpenCL::Headers INTERFACE ${OPENCL_INCLUDE_DIR})
else()
    message(STATUS "CL/cl.h not found: thaw is built without its OpenCL backend (install opencl-c-headers)")
endif()

if(THAW_BUILD_TESTS)
    pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
endif()
